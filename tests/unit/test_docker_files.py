"""The container files without an engine: every path, option, variable and volume they name is really there."""

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from controller.runtime.settings import Settings
from loa_cli.commands import app

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
IMAGES = ["controller.Dockerfile", "agent.Dockerfile"]
INSTRUCTIONS = {
    "FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "VOLUME", "HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL", "ARG",
}  # fmt: skip
SECRET = re.compile(r"(?i)(password|passwd|secret|token|api_?key)\s*[=:]\s*\S|-----BEGIN|[0-9a-f]{40,}")


@dataclass
class Stage:
    """One FROM and what follows it: (instruction, its text)."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [text for word, text in self.steps if word == instruction]


def parse(text: str) -> list[Stage]:
    """A Dockerfile as its stages; comments and continued lines are put right, an unknown instruction is refused."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in filter(str.strip, re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()):
        word, _, rest = line.partition(" ")
        if word not in INSTRUCTIONS:
            raise ValueError(f"unknown or forbidden instruction {word}")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base.strip(), name.strip()))
        else:
            stages[-1].steps.append((word, rest.strip()))
    return stages


def read(name: str) -> list[Stage]:
    return parse((DOCKER / name).read_text())


def in_build_context(source: str, name: str) -> bool:
    """Whether the file's .dockerignore lets this path into the build: the last rule that matches it decides."""
    kept = True
    for rule in (DOCKER / f"{name}.dockerignore").read_text().split():
        path = rule.removeprefix("!").rstrip("/")
        if fnmatch(source, path) or source == path or source.startswith(f"{path}/"):
            kept = rule.startswith("!")
    return kept


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_every_copied_file_is_in_the_tree_and_in_the_build_context(image: str):
    stages = read(image)
    copied = [shlex.split(text) for stage in stages for text in stage.all("COPY")]
    from_tree = [source.rstrip("/") for words in copied if not words[0].startswith("--") for source in words[:-1]]

    assert "requirements.lock" in from_tree
    assert [source for source in from_tree if not (ROOT / source).exists()] == []
    assert [source for source in from_tree if not in_build_context(source, image)] == []
    assert not in_build_context(".git", image)
    assert not in_build_context("docker/certificates", image)
    assert {words[0].removeprefix("--from=") for words in copied if words[0].startswith("--")} == {stages[0].name}


def test_every_package_of_the_wheel_is_copied_before_it_is_built(image: str):
    wheel = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    build, _ = read(image)
    assert wheel

    copied = " ".join(build.all("COPY"))
    assert [package for package in json.loads(wheel[1]) if f"{package}/ {package}/" not in copied] == []


def test_packages_come_hashed_from_the_lock_and_nothing_else_is_fetched(image: str):
    build, final = read(image)

    runs = build.all("RUN")
    assert "/opt/loa/bin/pip install --no-cache-dir --require-hashes -r requirements.lock" in runs
    pips = [part for run in runs for part in run.split("&&") if " install " in part or " wheel " in part]
    assert all("--require-hashes" in part or "--no-deps" in part for part in pips)
    assert not any("pip" in run for run in final.all("RUN"))
    assert not any("http" in text for stage in (build, final) for word, text in stage.steps if word in {"RUN", "COPY"})


def test_images_are_slim_pinned_and_run_without_root(image: str):
    build, final = read(image)

    assert {build.base, final.base} == {"python:3.11-slim-bookworm"}
    (user,) = final.all("USER")
    assert user == "loa"
    assert "useradd --system --uid 10001" in " ".join(final.all("RUN"))
    words = [word for word, _ in final.steps]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert "RUN" not in words[words.index("USER") :]


def test_no_secret_is_written_anywhere():
    texts = {
        path: path.read_text() for path in DOCKER.rglob("*") if path.is_file() and "certificates" not in path.parts
    }

    assert [path for path, text in texts.items() if path.suffix != ".md" and SECRET.search(text)] == []
    assert not [path for path in texts if path.suffix in {".key", ".crt", ".pem"}]


def command_line(arguments: list[str]) -> typer.Context:
    """Let the real `loa` read these words, without doing what they say."""
    group: Any = typer.main.get_command(app)
    name, *rest = arguments
    context: typer.Context = group.commands[name].make_context(name, rest)
    return context


def test_the_images_start_a_command_that_loa_knows(image: str):
    _, final = read(image)
    (entry,), (command,) = final.all("ENTRYPOINT"), final.all("CMD")

    context = command_line(json.loads(command))

    assert json.loads(entry) == ["loa"]
    if image == "agent.Dockerfile":
        assert context.params["config"] == Path("/etc/loa/agent.yaml")
    else:
        assert context.params["data_dir"] == Path("/var/lib/loa")


def test_the_controllers_health_is_asked_where_it_listens():
    _, final = read("controller.Dockerfile")
    (check,) = final.all("HEALTHCHECK")
    words = json.loads(check[check.index("[") :])

    asked = re.search(r"http://([^:/]+):(\d+)(/\S+?)'", words[-1])
    assert asked
    defaults = Settings.model_fields
    assert (asked[1], int(asked[2])) == (defaults["http_host"].default, defaults["http_port"].default)
    assert asked[3] == "/api/v1/health"
    compile(words[-1], "healthcheck", "exec")


@pytest.mark.parametrize(
    "text",
    [
        "FROM x\nADD http://example.invalid/x /x",
        "FROM x\nMAINTAINER me",
        "FROM x\nRUNN true",
        "FROM x\nCOPY a b\nrun x",
    ],
)
def test_the_parser_refuses_what_we_do_not_use(text: str):
    with pytest.raises(ValueError, match="unknown or forbidden"):
        parse(text)


# The agent's health, on real processes.

BEGINS = "print('ready', flush=True)\n"
TURNS = f"""{BEGINS}
import asyncio
async def main():
    while True:
        await asyncio.sleep(0.05)
asyncio.run(main())
"""
HANGS = f"import threading\n{BEGINS}threading.Event().wait()"


@contextmanager
def running(program: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("program", "well"), [(TURNS, True), (HANGS, False)])
def test_an_agent_is_well_while_its_loop_turns(program: str, *, well: bool):
    health = runpy.run_path(str(DOCKER / "agent_health.py"))

    with running(program) as process:
        assert health["is_well"](process.pid, look_s=0.6) is well


def test_an_agent_that_is_gone_is_not_well():
    health = runpy.run_path(str(DOCKER / "agent_health.py"))
    with running(HANGS) as process:
        pid = process.pid

    assert health["is_well"](pid, look_s=0.1) is False


def test_the_health_check_of_the_agent_looks_at_the_first_process_by_its_exit_code():
    _, final = read("agent.Dockerfile")
    (check,) = final.all("HEALTHCHECK")

    words = json.loads(check[check.index("[") :])
    with running(HANGS) as process:
        done = subprocess.run(
            [sys.executable, str(DOCKER / "agent_health.py"), str(process.pid)], check=False, timeout=30
        )

    assert words == ["python", "/opt/loa/agent_health.py", "1"]
    assert "docker/agent_health.py /opt/loa/agent_health.py" in final.all("COPY")
    assert done.returncode == 1
    assert "--timeout=10s" in check


# The compose file.

COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
MADE_LATER = "./certificates/"


def mounts() -> list[tuple[str, str, str]]:
    """(service, source, target) of every volume."""
    return [(name, *volume.split(":")[:2]) for name, one in SERVICES.items() for volume in one.get("volumes", [])]


def test_the_compose_file_has_a_broker_a_controller_and_an_agent():
    assert set(SERVICES) == {"mosquitto", "controller", "agent"}
    known = {
        "image", "build", "restart", "ports", "volumes", "healthcheck", "network_mode", "command", "environment",
        "cap_drop", "security_opt", "depends_on", "profiles",
    }  # fmt: skip
    assert {key for one in SERVICES.values() for key in one} <= known
    assert all(one["restart"] == "unless-stopped" for one in SERVICES.values())


def test_what_is_built_has_its_dockerfile_and_what_is_pulled_its_version():
    for one in SERVICES.values():
        if "build" in one:
            context = (DOCKER / one["build"]["context"]).resolve()
            assert context == ROOT
            assert (context / one["build"]["dockerfile"]).is_file()
        else:
            assert re.fullmatch(r"[a-z-]+:\d+\.\d+\.\d+", one["image"])


def test_every_volume_is_declared_used_or_in_the_tree():
    sources = [source for _, source, _ in mounts()]
    named = {source for source in sources if not source.startswith(".")}
    bound = [source for source in sources if source.startswith(".")]

    assert named == set(COMPOSE["volumes"])
    assert [s for s in bound if not s.startswith(MADE_LATER) and not (DOCKER / s).exists()] == []
    made = (DOCKER / "make-certificates.sh").read_text()
    assert [s for s in bound if s.startswith(MADE_LATER) and f"$OUT/{s.removeprefix(MADE_LATER)}" not in made] == []
    assert "authorities" not in " ".join(sources)


def test_volumes_of_state_are_where_the_images_keep_it():
    assert ("controller", "controller-data", "/var/lib/loa") in mounts()
    assert ("agent", "agent-bundle", "/etc/loa") in mounts()
    assert ("mosquitto", "mosquitto-data", "/mosquitto/data") in mounts()
    conf = (DOCKER / "mosquitto" / "mosquitto.conf").read_text()
    targets = tuple(target for name, _, target in mounts() if name == "mosquitto")
    paths = re.findall(r"(?m)^[a-z_]+ (/\S+)$", conf)
    assert len(paths) >= 7
    assert [path for path in paths if not path.startswith(targets)] == []


def test_commands_and_variables_are_those_the_programs_know():
    for name in ("controller", "agent"):
        command_line(SERVICES[name]["command"])
    given = SERVICES["controller"]["environment"]

    assert {key.removeprefix("LOA_").lower() for key in given} <= set(Settings.model_fields)
    targets = [target for name, _, target in mounts() if name == "controller"]
    assert all(any(value.startswith(f"{target}/") for target in targets) for value in given.values())
    made = (DOCKER / "make-certificates.sh").read_text()
    assert '"$OUT/controller/controller"' in made
    assert '"$AUTHORITIES/server-ca.crt" "$OUT/controller/"' in made


def test_only_the_devices_door_is_open_to_the_network():
    published = [port for one in SERVICES.values() for port in one.get("ports", [])]

    assert [port for port in published if not port.startswith("127.0.0.1:")] == ["8883:8883"]
    conf = (DOCKER / "mosquitto" / "mosquitto.conf").read_text()
    listeners = re.findall(r"(?m)^listener (\d+)", conf)
    assert sorted(port.rsplit(":", 1)[1] for port in published) == sorted(listeners)
    assert f"{8883:04X}" in SERVICES["mosquitto"]["healthcheck"]["test"][1]


def test_our_containers_have_no_privileges_and_no_default_password():
    for name in ("controller", "agent"):
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    environment = json.dumps([one.get("environment", {}) for one in SERVICES.values()])
    assert not re.search("(?i)password|token", environment)
    conf = (DOCKER / "mosquitto" / "mosquitto.conf").read_text()
    assert "allow_anonymous false" in conf
    assert conf.count("require_certificate true") == conf.count("listener 8")


def test_scripts_may_be_run():
    assert os.access(DOCKER / "make-certificates.sh", os.X_OK)


# PostgreSQL beside it.

WITH_POSTGRES = yaml.safe_load((DOCKER / "compose.postgresql.yaml").read_text())


def test_the_database_is_pinned_and_only_this_machine_reaches_it():
    database = WITH_POSTGRES["services"]["postgres"]

    assert re.fullmatch(r"postgres:\d+\.\d+-bookworm", database["image"])
    assert database["ports"] == ["127.0.0.1:5432:5432"]
    assert set(WITH_POSTGRES["volumes"]) == {"postgres-data"}
    assert WITH_POSTGRES["services"]["controller"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert "--encoding=UTF8" in database["environment"]["POSTGRES_INITDB_ARGS"]


def test_the_databases_password_comes_from_a_file_that_is_not_in_the_tree():
    database, controller = (WITH_POSTGRES["services"][name] for name in ("postgres", "controller"))
    (secret,) = WITH_POSTGRES["secrets"]

    for service, name in ((database, "POSTGRES_PASSWORD_FILE"), (controller, "LOA_DATABASE_PASSWORD_FILE")):
        assert service["secrets"] == [secret]
        assert service["environment"][name] == f"/run/secrets/{secret}"
    assert "POSTGRES_PASSWORD" not in database["environment"]
    assert "trust" not in json.dumps(database)
    file = WITH_POSTGRES["secrets"][secret]["file"].removeprefix("./")
    assert f"docker/{file}" in (DOCKER / "README.md").read_text()
    ignored = ["git", "check-ignore", "--quiet", f"docker/{file}"]
    assert not (ROOT / ".git").exists() or subprocess.run(ignored, cwd=ROOT, check=False, timeout=10).returncode == 0


def test_the_controller_understands_what_it_is_told_of_the_database(tmp_path: Path):
    given = WITH_POSTGRES["services"]["controller"]["environment"]
    (tmp_path / "password").write_text("bi/mat\n")

    settings = Settings(database_url=given["LOA_DATABASE_URL"], database_password_file=tmp_path / "password")

    assert {name.removeprefix("LOA_").lower() for name in given} <= set(Settings.model_fields)
    assert settings.database == "postgresql+psycopg://loa:bi%2Fmat@127.0.0.1:5432/loa"
