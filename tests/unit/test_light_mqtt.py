"""The thin MQTT codec: the bytes of MQTT 3.1.1, and what no server sends."""

import pytest

from edge_agent.light import mqtt


def test_a_connect_is_clean_names_the_client_and_leaves_a_retained_will() -> None:
    raw = mqtt.connect("loa-1", keepalive_s=60, will=mqtt.Will("t/w", b"gone"))

    assert raw == (b"\x10\x1c\x00\x04MQTT\x04\x2e\x00\x3c\x00\x05loa-1\x00\x03t/w\x00\x04gone")


def test_a_subscription_asks_for_each_topic_with_its_qos() -> None:
    assert mqtt.subscribe(7, [("a", 1), ("b/c", 0)]) == b"\x82\x0c\x00\x07\x00\x01a\x01\x00\x03b/c\x00"


def test_a_long_payload_has_a_length_of_several_bytes() -> None:
    raw = mqtt.publish("t", bytes(200_000))

    assert raw[:4] == bytes([0x30, 0xC3, 0x9A, 0x0C])
    assert mqtt.Reader().feed(raw) == [mqtt.Publish("t", bytes(200_000), 0, retain=False, packet_id=0)]


def test_packet_ids_go_round_without_nought() -> None:
    assert [mqtt.next_id(0), mqtt.next_id(65_534), mqtt.next_id(65_535)] == [1, 65_535, 1]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x10\x00",  # a connect comes from clients only
        b"\x20\x01\x00",  # an answer to it has two bytes
        b"\x34\x06\x00\x01t\x00\x01x",  # QoS 2 was never asked for
        b"\x32\x05\x00\x01t\x00\x00",  # QoS 1 has a packet id
        b"\x30\x03\x00\x09t",  # the topic ends beyond the packet
        b"\x30\x04\x00\x02\xff\xfe",  # the topic is not UTF-8
        b"\x30\xff\xff\xff\xff\x01",  # a length has four bytes at most
        b"\x30\xff\xff\xff\x7f",  # 256 MB are more than anybody sends
        b"\xd0\x01\x00",  # a pong is empty
    ],
)
def test_what_no_server_sends_ends_the_connection(raw: bytes) -> None:
    with pytest.raises(mqtt.PacketMalformed):
        mqtt.Reader().feed(raw)
