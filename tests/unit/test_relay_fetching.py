"""The bounded HTTP reader against real servers that behave badly: nothing lasts, nothing grows, reasons are told."""

import ssl
import time
from contextlib import closing

import pytest

from edge_agent.relay.addresses import Guard
from edge_agent.relay.errors import (
    RelayAddressRefused,
    RelayError,
    RelayNotAStream,
    RelayStalled,
    RelayUnreachable,
)
from edge_agent.relay.fetching import Patience, fetch
from edge_agent.relay.formats import first_address, kind_of
from tests.fakes.certificates import Authority
from tests.fakes.rough_server import RoughServer, drips, floods, head, holds, says

LOOPBACK = Guard(("127.0.0.1/32",))
IMPATIENT = Patience(opening_s=0.4, stall_s=0.2)
AUDIO = head("Content-Type: audio/mpeg")


def everything(answer, most=100_000):
    taken = b""
    with closing(answer):
        answer.listen()
        while len(taken) < most and (more := answer.body.read(4096)):
            taken += more
    return taken


def fetched(answer, name="a"):
    with RoughServer(**{name: answer}) as server:
        return everything(fetch(server.url(name), LOOPBACK, IMPATIENT))


def moved(target, status="HTTP/1.1 302 Found"):
    return says(head(f"Location: {target}", status=status))


def test_a_plain_a_chunked_and_a_shoutcast_answer_give_the_same_sound() -> None:
    sound = bytes(range(256)) * 40
    chunked = b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in (sound[:7], sound[7:4000], sound[4000:]))
    titled = b"".join(
        part + bytes([number % 3]) + b"t" * 16 * (number % 3)
        for number, part in enumerate(sound[place : place + 128] for place in range(0, len(sound), 128))
    )

    assert fetched(says(AUDIO + sound[:10], sound[10:])) == sound
    assert fetched(says(head("Transfer-Encoding: chunked"), chunked + b"0\r\n\r\n")) == sound
    assert fetched(says(b"ICY 200 OK\r\nicy-metaint:128\r\n\r\n", titled)) == sound
    assert fetched(says(b"HTTP/1.0 200 OK\nContent-Type: audio/mpeg\n\n" + sound)) == sound


def test_redirects_are_followed_a_few_times() -> None:
    hops = {f"h{n}": moved(f"h{n + 1}") for n in range(5)}
    with RoughServer(**hops, h5=says(AUDIO, b"sound"), loop=moved("/loop")) as server:
        answer = fetch(server.url("h0"), LOOPBACK, IMPATIENT)

        assert answer.url == server.url("h5")
        assert everything(answer) == b"sound"
        with pytest.raises(RelayUnreachable, match="redirects"):
            fetch(server.url("loop"), LOOPBACK, IMPATIENT)


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2/", "http://192.168.1.1/", "file:///etc/passwd", "gopher://8.8.8.8/", "//169.254.169.254/x"],
)
def test_a_redirect_leads_nowhere_that_a_plan_could_not(target: str) -> None:
    with pytest.raises(RelayAddressRefused):
        fetched(moved(target))


HOSTILE = {
    "a head that never ends, a byte at a time": (drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"), RelayStalled),
    "a head that never ends, in a flood": (floods(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 4096), RelayUnreachable),
    "more headers than anybody has": (says(head(*(f"h{n}: x" for n in range(200)))), RelayUnreachable),
    "nothing at all": (holds(b""), RelayStalled),
    "the end at once": (says(b""), RelayUnreachable),
    "another protocol": (says(b"SSH-2.0-OpenSSH\r\n\r\n"), RelayUnreachable),
    "an error": (says(head(status="HTTP/1.1 404 Not Found")), RelayUnreachable),
    "a packed body": (says(head("Content-Encoding: gzip"), b"\x1f\x8b" + b"\0" * 100), RelayNotAStream),
    "a body that stops": (holds(AUDIO + b"abc"), RelayStalled),
    "chunks without sense": (says(head("Transfer-Encoding: chunked"), b"-5\r\nabcde\r\n"), RelayNotAStream),
    "a chunk of no end": (floods(head("Transfer-Encoding: chunked"), b"f" * 4096), RelayUnreachable),
    "titles every 0 bytes": (says(head("icy-metaint: 0"), b"abc"), RelayNotAStream),
    "titles every -1 bytes": (says(head("icy-metaint: -1"), b"abc"), RelayNotAStream),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_server_is_left_in_time_with_a_reason(what: str) -> None:
    answer, error = HOSTILE[what]
    begun_s = time.monotonic()

    with pytest.raises(error) as refused:
        fetched(answer)

    assert time.monotonic() - begun_s < 2
    assert isinstance(refused.value, RelayError)


@pytest.fixture
def tls(tmp_path, monkeypatch) -> ssl.SSLContext:
    """A server's context, whose authority this process trusts."""
    authority = Authority(tmp_path, "radio")
    pair = authority.issue("station", server=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    return context


def test_https_is_spoken_and_never_left_for_http(tls: ssl.SSLContext) -> None:
    with RoughServer(tls, a=says(AUDIO, b"sound"), down=moved("http://127.0.0.1/")) as server:
        assert everything(fetch(server.url("a"), LOOPBACK, Patience())) == b"sound"

        with pytest.raises(RelayAddressRefused, match="https"):
            fetch(server.url("down"), LOOPBACK, Patience())


def test_a_certificate_that_nobody_vouches_for_is_not_believed(tls: ssl.SSLContext, monkeypatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with (
        RoughServer(tls, a=says(AUDIO, b"sound")) as server,
        pytest.raises(RelayUnreachable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        fetch(server.url("a"), LOOPBACK, Patience())


def test_nobody_listening_is_said() -> None:
    with RoughServer() as server:
        pass

    with pytest.raises(RelayUnreachable, match="does not answer"):
        fetch(server.url("a"), LOOPBACK, IMPATIENT)


@pytest.mark.parametrize(
    ("media_type", "first", "kind"),
    [
        ("audio/mpeg", b"\x12\x34", "mp3"),
        ("audio/aacp", b"\xff\xf1", "aac"),
        ("application/ogg", b"OggS", "ogg"),
        ("audio/mpeg", b"OggS", "ogg"),
        ("", b"ID3\x04", "mp3"),
        ("application/octet-stream", b"\xff\xfb\x90", "mp3"),
        ("application/octet-stream", b"\xff\xf9\x50", "aac"),
        ("audio/x-scpls", b"", "playlist"),
        ("text/plain", b"#EXTM3U\n", "playlist"),
        ("text/plain", b"[Playlist]\n", "playlist"),
    ],
)
def test_the_kind_of_a_stream_is_found(media_type: str, first: bytes, kind: str) -> None:
    assert kind_of(media_type, first) == kind


@pytest.mark.parametrize(
    ("media_type", "first"),
    [
        ("text/html", b"<!DOCTYPE html>"),
        ("", b"<html>"),
        ("audio/ogg", b"ID3\x04"),
        ("audio/flac", b"fLaC"),
        ("video/mp4", b"\0\0\0 ftyp"),
        ("application/octet-stream", b"\x1f\x8b\x08"),
        ("", b""),
    ],
)
def test_what_is_no_stream_is_refused(media_type: str, first: bytes) -> None:
    with pytest.raises(RelayNotAStream):
        kind_of(media_type, first)


BASE = "http://radio.example/dir/list.m3u"


@pytest.mark.parametrize(
    ("playlist", "address"),
    [
        (b"#EXTM3U\r\n#EXTINF:-1,VOV 1\r\nhttps://a.example/vov1\r\nhttp://b/\r\n", "https://a.example/vov1"),
        (b"\xef\xbb\xbf\n\n  live.mp3 \n", "http://radio.example/dir/live.mp3"),
        (b"[playlist]\nNumberOfEntries=1\nTitle1=x\nFile1=http://a.example/1\n", "http://a.example/1"),
    ],
)
def test_a_simple_playlist_names_its_stream(playlist: bytes, address: str) -> None:
    assert first_address(playlist, BASE) == address


@pytest.mark.parametrize(
    ("playlist", "words"),
    [
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nseg1.ts\n", "HLS"),
        (b"#EXTM3U\n", "names no stream"),
        (b"[playlist]\nTitle1=x\n", "names no stream"),
    ],
)
def test_other_playlists_are_refused_in_words(playlist: bytes, words: str) -> None:
    with pytest.raises(RelayNotAStream, match=words):
        first_address(playlist, BASE)
