"""The commands of `loa`: each imports what it needs when it runs, so that an agent installs without the server."""

import typer

from loa_cli import (
    accounts_of_people,
    agent,
    audit,
    broadcasts,
    bulletins,
    demonstration,
    explaining,
    intake,
    inventory,
    joining,
    keys,
    library,
    notices,
    policies,
    schedules,
    serve,
    signing_in,
    sounds,
    speaking,
    staggering,
    swarm,
    voices,
)

app = typer.Typer(
    name="loa",
    help="Loa: a controller and edge agents for commune loudspeakers and public boards.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("serve")(serve.serve)
app.command("set-up")(signing_in.set_up)
app.command("accept")(signing_in.accept)
app.command("sign-in")(signing_in.sign_in)
app.command("sign-out")(signing_in.sign_out)
app.command("sessions")(signing_in.sessions)
app.command("prove")(signing_in.prove)
app.command("password")(signing_in.password)
app.command("second-factor")(signing_in.second_factor)
app.command("agent")(agent.agent)
app.command("play")(broadcasts.play)
app.command("join")(joining.join)
app.command("speak")(speaking.speak)
app.command("stop")(broadcasts.stop)
app.command("cancel")(broadcasts.cancel)
app.command("ledger")(broadcasts.ledger)
app.command("timeline")(explaining.timeline)
app.command("explain")(explaining.explain)
app.command("inspect")(inventory.inspect)
app.command("swarm")(swarm.swarm)
app.command("demo")(demonstration.demo)
app.add_typer(audit.audit, name="audit")
app.add_typer(bulletins.bulletins, name="bulletin")
app.add_typer(inventory.units, name="unit")
app.add_typer(inventory.devices, name="device")
app.add_typer(intake.jobs, name="job")
app.add_typer(keys.keys, name="keys")
app.add_typer(library.library, name="library")
app.add_typer(accounts_of_people.people, name="people")
app.add_typer(notices.notices, name="notices")
app.add_typer(policies.policies, name="policy")
app.add_typer(schedules.schedules, name="schedule")
app.add_typer(sounds.sounds, name="sound")
app.add_typer(voices.speech, name="speech")
app.add_typer(staggering.staggers, name="stagger")
