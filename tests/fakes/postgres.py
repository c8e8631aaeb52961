"""A PostgreSQL of the tests' own, from the system's package: its folder, its port, its password, gone at the end.

It listens on loopback and on a socket in its own folder, keeps its durability settings as they come (fsync is on) and
lets nobody in without the password of this run. `initdb` refuses root, so for root it runs as the package's user.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from tests.fakes.postgres_template import Template

LOOPBACK = "127.0.0.1"
OWNER = "loa"
TEMPLATE = "loa_template"
_USER = "postgres"
_LIMIT_S = 60.0


def programs() -> Path:
    """Where the package keeps its programs: the newest version there is."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda folder: float(folder.parent.name))
    found = shutil.which("initdb")
    assert found is not None, "PostgreSQL is not installed; tests/system_packages.sh installs it"
    return Path(found).resolve().parent


_DISCONNECT = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = {}"


class PostgresServer:
    """One server; `database()` gives the URL of a fresh database, a copy of the template with today's schema."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="loa-postgres-"))
        self.log = self.folder / "server.log"
        self._data = self.folder / "data"
        self.password = secrets.token_hex(16)
        self._numbers = count(1)
        self._copies: set[str] = set()
        self._rested: list[str] = []
        self._template: Template | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the cluster and start it."""
        secret = self.folder / "password"
        secret.write_text(self.password)
        for path in (self.folder, secret):
            path.chmod(0o700 if path.is_dir() else 0o600)
            if os.getuid() == 0:
                account = pwd.getpwnam(_USER)
                os.chown(path, account.pw_uid, account.pw_gid)
        options = ["--auth=scram-sha-256", f"--username={OWNER}", f"--pwfile={secret}", "--encoding=UTF8"]
        command = _as_owner(["initdb", *options, "--locale=C.UTF-8", "--no-sync", "-D", str(self._data)])
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False, cwd="/")
        assert done.returncode == 0, done.stdout + done.stderr
        self.start()

    def start(self) -> None:
        """Run it; returns when it accepts connections."""
        given = {"listen_addresses": LOOPBACK, "port": self.port, "unix_socket_directories": self.folder}
        settings = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                _as_owner(["postgres", "-D", str(self._data), *settings]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
            )
        deadline = time.monotonic() + _LIMIT_S
        while not self._answers():
            assert self._child.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"PostgreSQL does not answer:\n{self.log.read_text()}"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(driver="postgresql", name="postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def pid(self) -> int:
        """The postmaster."""
        assert self._child is not None
        return self._child.pid

    def url(self, name: str, driver: str = "postgresql+psycopg") -> str:
        """Of one of its databases."""
        return f"{driver}://{OWNER}:{self.password}@{LOOPBACK}:{self.port}/{name}"

    def run(self, *statements: sql.Composable) -> None:
        """Statements outside any transaction."""
        with psycopg.connect(self.url(driver="postgresql", name="postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def empty(self, options: LiteralString = "") -> str:
        """The URL of a database with nothing in it."""
        name = f"loa_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}")
        self.run(statement.format(sql.Identifier(name), sql.SQL(options)))
        return self.url(name)

    def database(self) -> str:
        """The URL of a copy of the template: a new one, or one that was let go of and is as a new one again."""
        if self._rested:
            return self.url(self._rested.pop())
        name = f"loa_{next(self._numbers)}"
        self.run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        self._copies.add(name)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Let go of a database, whoever is still connected to it: emptied for the next, or removed."""
        name = url.rpartition("/")[2]
        if name in self._copies and self._is_as_new(name):
            self._rested.append(name)
            return
        self._copies.discard(name)
        self.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _is_as_new(self, name: str) -> bool:
        """To make and remove one costs more than most tests do: its rows go instead, unless its schema was changed."""
        try:
            self.run(sql.SQL(_DISCONNECT).format(sql.Literal(name)))
            if self._template is None:
                with self._connected(TEMPLATE) as untouched:
                    self._template = Template.read(untouched)
            with self._connected(name) as connection:
                return self._template.restore(connection)
        except psycopg.Error:
            return False

    def _connected(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url(name, driver="postgresql"), autocommit=True)

    def make_template(self) -> str:
        """Gives the URL of the template, to be migrated and let go of."""
        self.run(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(TEMPLATE)))
        return self.url(TEMPLATE)

    def kill(self) -> None:
        """`kill -9` of the postmaster: its own children notice and end, the next start recovers from the log."""
        assert self._child is not None
        self._child.kill()
        self._child.wait()

    def kill_one_of_its_children(self) -> None:
        """`kill -9` of a process that serves Loa: all the others are cut off too, and the server recovers by itself."""
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'loa' ORDER BY backend_start LIMIT 1"
        with psycopg.connect(self.url("postgres", driver="postgresql")) as connection:
            found = connection.execute(query).fetchone()
        assert found is not None, "nobody from Loa is connected"
        os.kill(found[0], signal.SIGKILL)

    def ensure(self) -> None:
        """Start it where it does not run."""
        if self._child is None or self._child.poll() is not None:
            self.start()

    def end(self) -> None:
        """Stop it at once and remove everything."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGQUIT)
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _as_owner(command: Sequence[str]) -> list[str]:
    """As a user `initdb` accepts. `setpriv` becomes the command, whose pid is then its own; it ends with the tests."""
    user = [f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"] if os.getuid() == 0 else []
    return ["setpriv", *user, "--pdeathsig=QUIT", "--", str(programs() / command[0]), *command[1:]]
