"""TLS of the session: the pinned CA always, certificate times only where the clock can be believed."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agent.config import BrokerAddress, Tls
from edge_agent.session import tls_context

EXPIRED = datetime(2020, 1, 1, tzinfo=UTC)


class Authority:
    """A CA of its own, with certificates that ran out years ago."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key.public_key(), ca=True)

    def issue(self, folder: Path, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._sign(subject, key.public_key(), ca=False)
        certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, private

    def written(self, folder: Path) -> Path:
        path = folder / "ca.pem"
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def _sign(self, subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(EXPIRED - timedelta(days=30))
            .not_valid_after(EXPIRED)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("broker.test")]), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Both sides in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname="broker.test")
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


def contexts(folder: Path, pinned: Authority, broker: Authority, *, check_times: bool) -> tuple[ssl.SSLContext, ...]:
    certificate, key = pinned.issue(folder, "loa-1")
    address = BrokerAddress(
        host="broker.test", tls=Tls(ca=str(pinned.written(folder)), cert=str(certificate), key=str(key))
    )
    client = tls_context(address, check_times=check_times)
    assert client is not None
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*broker.issue(folder, "broker"))
    return client, server


def test_without_a_believable_clock_an_expired_certificate_of_the_pinned_ca_is_enough(tmp_path: Path) -> None:
    pinned = Authority("pinned")

    handshake(*contexts(tmp_path, pinned, pinned, check_times=False))


def test_with_a_clock_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    pinned = Authority("pinned")

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(*contexts(tmp_path, pinned, pinned, check_times=True))


def test_another_ca_is_refused_whatever_the_clock_says(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(*contexts(tmp_path, Authority("pinned"), Authority("other"), check_times=False))


def test_without_tls_there_is_no_context() -> None:
    assert tls_context(BrokerAddress(host="127.0.0.1"), check_times=True) is None
