"""TLS of the session: the pinned CA always, certificate times only where the clock can be believed."""

import ssl
from pathlib import Path

import pytest

from edge_agent.config import BrokerAddress, Tls
from edge_agent.session import tls_context
from tests.fakes.certificates import Authority


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Both sides in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [ours, theirs]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
        if not waiting:
            return
    raise AssertionError("the handshake does not end")


def contexts(pinned: Authority, broker: Authority, *, check_times: bool) -> tuple[ssl.SSLContext, ...]:
    own = pinned.issue("loa-1", expired=True)
    tls = Tls(ca=str(pinned.cert), cert=str(own.cert), key=str(own.key))
    client = tls_context(BrokerAddress(host="localhost", tls=tls), check_times=check_times)
    assert client is not None
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown = broker.issue("broker", server=True, expired=True)
    server.load_cert_chain(shown.cert, shown.key)
    return client, server


def test_without_a_believable_clock_an_expired_certificate_of_the_pinned_ca_is_enough(tmp_path: Path) -> None:
    pinned = Authority(tmp_path, "pinned", expired=True)

    handshake(*contexts(pinned, pinned, check_times=False))


def test_with_a_clock_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    pinned = Authority(tmp_path, "pinned")

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(*contexts(pinned, pinned, check_times=True))


def test_another_ca_is_refused_whatever_the_clock_says(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(*contexts(Authority(tmp_path, "pinned"), Authority(tmp_path, "other"), check_times=False))


def test_without_tls_there_is_no_context() -> None:
    assert tls_context(BrokerAddress(host="127.0.0.1"), check_times=True) is None
