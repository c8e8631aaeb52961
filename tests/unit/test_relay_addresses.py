"""Which addresses a stream may be fetched from: a signed plan must not make a device look around its own network."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.relay.addresses import Guard, place_of
from edge_agent.relay.errors import RelayAddressRefused

PRIVATE = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - an address to be refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused_unless_the_profile_names_it(address: str) -> None:
    judged = ipaddress.ip_address(address)

    assert not Guard().permits(judged)
    assert Guard(("0.0.0.0/0", "::/0")).permits(judged)


@pytest.mark.parametrize("address", ["8.8.8.8", "113.160.0.1", "2405:4800::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert Guard().permits(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_wrapped(address: ipaddress.IPv4Address) -> None:
    guard = Guard(("192.168.10.0/24",))
    bits = int(address)

    wrapped = [
        ipaddress.IPv6Address(0xFFFF << 32 | bits),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | bits),
        ipaddress.IPv6Address(0x2002 << 112 | bits << 80),
    ]

    assert {guard.permits(one) for one in wrapped} == {guard.permits(address)}


def test_of_several_addresses_only_the_public_ones_are_connected_to() -> None:
    place = place_of("http://radio.example/live")

    chosen = Guard().choose(place, lambda *_: ["10.0.0.1", "8.8.4.4", "8.8.4.4"])

    assert chosen == ["8.8.4.4"]
    with pytest.raises(RelayAddressRefused, match="relay_allow"):
        Guard().choose(place, lambda *_: ["10.0.0.1", "::1"])


def test_only_the_network_that_is_named_is_allowed() -> None:
    guard = Guard(("192.168.10.5/32",))

    assert guard.permits(ipaddress.ip_address("192.168.10.5"))
    assert not guard.permits(ipaddress.ip_address("192.168.10.6"))
    with pytest.raises(ValueError, match="host bits"):
        Guard(("192.168.10.5/24",))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://radio.example/live",
        "rtmp://radio.example/live",
        "concat:http://a|http://b",
        "http://",
        "live",
        "http://radio.example:99999/",
        "http://user:secret@radio.example/live",
        "http://[::1/live",
        "http://radio.example/a b",
        "http://radio.example/a\r\nHost: other",
        "http://đài.example/",
        "http://radio.example/" + "x" * 500,
    ],
)
def test_what_is_no_plain_address_of_a_stream_is_refused(url: str) -> None:
    with pytest.raises(RelayAddressRefused):
        place_of(url)


def test_an_address_is_taken_apart() -> None:
    place = place_of("https://[2405:4800::1]:8443/live?id=1#x")

    assert (place.scheme, place.host, place.port, place.target) == ("https", "2405:4800::1", 8443, "/live?id=1")
    assert place.authority == "[2405:4800::1]:8443"
    assert place_of("http://radio.example").authority == "radio.example"
