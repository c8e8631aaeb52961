"""docker/mosquitto on the real broker: what a device's certificate opens, and what it does not."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest

from loa_protocol import topics
from loa_protocol.topics import Family
from tests.fakes.certificates import Authority, Pair, client_context

pytestmark = pytest.mark.broker

DOCKER = Path(__file__).parents[2] / "docker"
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
HOST = "127.0.0.1"
ONE, OTHER = "loa-thon-1", "loa-thon-2"
CONTROLLER = "controller.loa"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


@contextmanager
def mosquitto(conf: Path, ports: list[int], log: Path) -> Iterator[None]:
    """The real program, until the block ends; it must listen on every port."""
    assert MOSQUITTO, "mosquitto is not installed: apt install mosquitto"
    with log.open("wb") as out:
        process = subprocess.Popen([MOSQUITTO, "-c", str(conf)], stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 10
        while not all(map(answers, ports)):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)


class Site:
    """The shipped configuration, moved into a folder and onto free loopback ports; otherwise word for word."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "mosquitto.log"
        self.device_port, self.controller_port = free_ports(2)
        certificates = folder / "certificates"
        for part in (certificates, folder / "config", folder / "data"):
            part.mkdir()
        self.server_ca = Authority(certificates, "server-ca")
        self.devices_ca = Authority(certificates, "devices-ca")
        self.controllers_ca = Authority(certificates, "controllers-ca")
        server = self.server_ca.issue("broker", server=True)
        server.cert.rename(certificates / "server.crt")
        server.key.rename(certificates / "server.key")
        shutil.copy(DOCKER / "mosquitto" / "acl", folder / "config" / "acl")
        self.conf = folder / "config" / "mosquitto.conf"
        text = (DOCKER / "mosquitto" / "mosquitto.conf").read_text().replace("/mosquitto/", f"{folder}/")
        text = text.replace("listener 8883", f"listener {self.device_port} {HOST}")
        text = text.replace("listener 8884", f"listener {self.controller_port} {HOST}")
        # Started by root the broker becomes another user, who cannot read a test's folder.
        self.conf.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))

    def client(self, pair: Pair | None, port: int, **given: object) -> aiomqtt.Client:
        context = client_context(self.server_ca.cert, pair)
        return aiomqtt.Client(
            HOST, port, tls_context=context, protocol=aiomqtt.ProtocolVersion.V311, timeout=5, **given
        )

    def device(self, name: str = ONE, **given: object) -> aiomqtt.Client:
        return self.client(self.devices_ca.issue(name), self.device_port, **{"identifier": name, **given})

    def controller(self, **given: object) -> aiomqtt.Client:
        pair = self.controllers_ca.issue(CONTROLLER)
        return self.client(pair, self.controller_port, **{"identifier": "planner", **given})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    with mosquitto(site.conf, [site.device_port, site.controller_port], site.log):
        yield site


def alert_from(site: Site, port: int, pair: Pair | None) -> str:
    """The TLS alert with which the broker answers this certificate."""
    context = client_context(site.server_ca.cert, pair)
    plain = socket.create_connection((HOST, port), timeout=10)
    try:
        with context.wrap_socket(plain, server_hostname=HOST) as secured:
            # TLS 1.3 tells the client only after its own side of the handshake is done: it comes with the first bytes.
            secured.recv(1)
    except ssl.SSLError as error:
        return str(error.reason)
    return "let in"


async def topics_until(client: aiomqtt.Client, last: str) -> list[str]:
    """Topics as they arrive, up to and with `last`: what was sent before it by the same sender would be among them."""
    seen: list[str] = []
    async with asyncio.timeout(10):
        async for message in client.messages:
            seen.append(str(message.topic))
            if seen[-1] == last:
                return seen
    raise AssertionError("the connection ended")


async def test_a_device_hears_its_own_topics_and_not_those_of_another(site: Site):
    plan, last = topics.scoped(Family.PLAN, "u-xa-an-binh"), topics.scoped(Family.STOP, "u-xa-an-binh")
    own, foreign = topics.to_device(Family.COMMAND, ONE), topics.to_device(Family.COMMAND, OTHER)
    uplink = topics.up(Family.STATE, OTHER)

    async with site.controller() as controller, site.device() as device:
        for topic in (plan, own, foreign, uplink, last, "loa/v1/device/+/command", "loa/v1/#", "#"):
            await device.subscribe(topic, qos=1)
        for topic in (foreign, uplink, plan, own, foreign, last):
            await controller.publish(topic, b"x", qos=1)
        heard = await topics_until(device, last)

    assert set(heard) == {plan, own, last}


@pytest.mark.parametrize("family", [f for f in topics.SCOPED if f is not Family.STOP])
async def test_a_device_reads_every_scoped_document_also_a_retained_one(site: Site, family: Family):
    topic = topics.scoped(family, "u-xa-an-binh")

    async with site.controller() as controller:
        await controller.publish(topic, b"x", qos=1, retain=True)
        async with site.device() as device:
            await device.subscribe(topic, qos=1)
            heard = await topics_until(device, topic)

    assert heard == [topic]


async def test_a_device_reads_trust_content_and_its_own_answers(site: Site):
    own = [topics.to_device(f, ONE) for f in (Family.ASSIGNMENT, Family.ACK, Family.REPLY, Family.DEVICE_CONTENT)]
    wanted = [topics.TRUST, topics.content("a" * 64), "loa/v1/live/s-1", *own]

    async with site.controller() as controller, site.device() as device:
        for topic in wanted:
            await device.subscribe(topic, qos=1)
        for topic in wanted:
            await controller.publish(topic, b"x", qos=1)
        heard = await topics_until(device, wanted[-1])

    assert heard == wanted


async def test_a_device_writes_below_its_own_uplink_only(site: Site):
    last = topics.up(Family.HEALTH, ONE)
    allowed = [topics.up(Family.PRESENCE, ONE), topics.up(Family.RECEIPTS, ONE)]
    forbidden = [
        topics.up(Family.STATE, OTHER),
        topics.scoped(Family.PLAN, "u-xa-an-binh"),
        topics.scoped(Family.ALERT, f"d-{ONE}"),
        topics.scoped(Family.STOP, "u-xa-an-binh"),
        topics.to_device(Family.ACK, ONE),
        topics.TRUST,
        f"loa/v1/up/00/{ONE}x/state",
        f"loa/v1/up/{ONE}/state",
        "elsewhere",
    ]

    async with site.controller() as controller, site.device() as device:
        await controller.subscribe("loa/v1/#", qos=1)
        await controller.subscribe("elsewhere", qos=1)
        for topic in [*forbidden, *allowed, *forbidden, last]:
            await device.publish(topic, b"x", qos=1)
        heard = await topics_until(controller, last)

    assert heard == [*allowed, last]


async def test_a_will_on_the_topic_of_another_is_not_published(site: Site):
    last = topics.up(Family.PRESENCE, ONE)

    async with site.controller() as controller:
        await controller.subscribe("loa/v1/up/#", qos=1)
        for topic in (topics.up(Family.PRESENCE, OTHER), last):
            await abandon(site, aiomqtt.Will(topic, b"offline", 1))
        heard = await topics_until(controller, last)

    assert heard == [last]


async def abandon(site: Site, will: aiomqtt.Will) -> None:
    """Connect with a will, then take the client id over: the broker publishes the will of the first connection."""
    pair = site.devices_ca.issue(ONE)
    async with asyncio.timeout(10):
        with suppress(aiomqtt.MqttError):
            async with (
                site.client(pair, site.device_port, identifier=ONE, will=will) as first,
                site.client(pair, site.device_port, identifier=ONE),
            ):
                async for _ in first.messages:
                    pass


async def test_a_name_in_the_connect_packet_counts_for_nothing(site: Site):
    plan, last = topics.scoped(Family.PLAN, "u-x"), topics.up(Family.STATE, ONE)

    async with (
        site.controller() as controller,
        site.device(username=CONTROLLER, password="any", identifier=OTHER) as device,  # noqa: S106 - no secret
    ):
        await controller.subscribe("loa/v1/#", qos=1)
        await device.publish(plan, b"x", qos=1)
        await device.publish(last, b"x", qos=1)
        heard = await topics_until(controller, last)

    assert heard == [last]


async def test_a_device_cannot_push_another_off_by_its_client_id(site: Site):
    topic = topics.to_device(Family.COMMAND, OTHER)

    async with site.controller() as controller, site.device(OTHER) as victim:
        await victim.subscribe(topic, qos=1)
        async with site.device(ONE, identifier=OTHER):
            await controller.publish(topic, b"x", qos=1)
            heard = await topics_until(victim, topic)

    assert heard == [topic]


async def test_a_controller_may_keep_several_connections_with_one_certificate(site: Site):
    pair = site.controllers_ca.issue(CONTROLLER)

    async with (
        site.client(pair, site.controller_port, identifier="planner") as one,
        site.client(pair, site.controller_port, identifier="ingest") as other,
    ):
        await other.subscribe("loa/v1/up/#", qos=1)
        await one.publish("loa/v1/up/aa/x/state", b"x", qos=1)
        assert await topics_until(other, "loa/v1/up/aa/x/state")


def test_without_a_good_certificate_nobody_comes_in(site: Site, tmp_path: Path):
    stranger = Authority(tmp_path, "stranger-ca").issue(ONE)
    expired = site.devices_ca.issue(ONE, expired=True)

    alerts = [alert_from(site, site.device_port, pair) for pair in (None, stranger, expired)]

    assert alerts == ["TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_CERTIFICATE_EXPIRED"]


def test_each_door_opens_for_its_own_authority_only(site: Site):
    as_controller, as_device = site.devices_ca.issue(CONTROLLER), site.controllers_ca.issue(ONE)

    alerts = [alert_from(site, site.controller_port, as_controller), alert_from(site, site.device_port, as_device)]

    assert alerts == ["TLSV1_ALERT_UNKNOWN_CA"] * 2


def make_certificates(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the shipped script; its files go to `out`."""
    command = [str(DOCKER / "make-certificates.sh"), *arguments]
    environment = {**os.environ, "OUT": str(out)}
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=60)


async def test_the_made_certificates_open_the_shipped_broker(tmp_path: Path):
    site = Site(tmp_path)
    made = tmp_path / "made"
    make_certificates(made, "server", "broker.example.vn").check_returncode()
    make_certificates(made, "device", ONE).check_returncode()
    shutil.copytree(made / "broker", tmp_path / "certificates", dirs_exist_ok=True)

    def strict(part: str, name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=made / part / "server-ca.crt")
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_cert_chain(made / part / f"{name}.crt", made / part / f"{name}.key")
        return context

    topic = topics.to_device(Family.COMMAND, ONE)
    with mosquitto(site.conf, [site.device_port, site.controller_port], site.log):
        controllers, devices = strict("controller", "controller"), strict("agent", "device")
        async with (
            aiomqtt.Client(
                "localhost", site.controller_port, identifier="planner", tls_context=controllers
            ) as controller,
            aiomqtt.Client("localhost", site.device_port, identifier=ONE, tls_context=devices) as device,
        ):
            await device.subscribe(topic, qos=1)
            await controller.publish(topic, b"x", qos=1)
            heard = await topics_until(device, topic)

    assert heard == [topic]
    assert all(key.stat().st_mode & 0o077 == 0 for key in made.rglob("*.key"))


@pytest.mark.parametrize("arguments", [[], ["device"], ["device", "Bad/Id"], ["device", "loa-1"], ["other"]])
def test_certificates_are_not_made_from_wrong_words(tmp_path: Path, arguments: list[str]):
    done = make_certificates(tmp_path, *arguments)

    assert done.returncode == 2
    assert done.stderr


async def test_the_development_broker_listens_on_loopback_only_and_carries_an_envelope(tmp_path: Path):
    text = (DOCKER / "mosquitto" / "mosquitto-loopback.conf").read_text()
    (port,) = free_ports(1)
    assert text.count("listener") == 1
    assert "listener 1883 127.0.0.1" in text
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(text.replace("1883", str(port)))

    with mosquitto(conf, [port], tmp_path / "log"):
        async with aiomqtt.Client(HOST, port) as client:
            await client.subscribe("loa/v1/trust", qos=1)
            await client.publish("loa/v1/trust", bytes(1024 * 1024), qos=1)
            message = await anext(aiter(client.messages))

    assert len(message.payload) == 1024 * 1024
