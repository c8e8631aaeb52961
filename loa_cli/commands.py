"""The commands of `loa`: each imports what it needs when it runs, so that an agent installs without the server."""

import typer

from loa_cli import (
    agent,
    audit,
    broadcasts,
    bulletins,
    demonstration,
    explaining,
    intake,
    inventory,
    joining,
    library,
    notices,
    people,
    policies,
    schedules,
    serve,
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
app.add_typer(library.library, name="library")
app.add_typer(people.people, name="people")
app.add_typer(notices.notices, name="notices")
app.add_typer(policies.policies, name="policy")
app.add_typer(schedules.schedules, name="schedule")
app.add_typer(sounds.sounds, name="sound")
app.add_typer(voices.speech, name="speech")
app.add_typer(staggering.staggers, name="stagger")
