"""The thin MQTT codec: whatever the network cuts or joins, the same packets come out."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.light import mqtt

TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="\x00#+"), min_size=1, max_size=40)
PAYLOADS = st.binary(max_size=300)


@st.composite
def packets(draw: st.DrawFn) -> tuple[bytes, mqtt.Packet]:
    """A packet as a server writes it, and what it says."""
    packet_id = draw(st.integers(1, 65_535))
    kind = draw(st.sampled_from(["publish0", "publish1", "suback", "puback", "pong", "connack"]))
    if kind.startswith("publish"):
        topic, payload, retain = draw(TOPICS), draw(PAYLOADS), draw(st.booleans())
        at = packet_id if kind == "publish1" else 0
        raw = mqtt.publish(topic, payload, packet_id=at, retain=retain)
        return raw, mqtt.Publish(topic, payload, 1 if at else 0, retain, at)
    if kind == "suback":
        codes = draw(st.lists(st.sampled_from([0, 1, 128]), min_size=1, max_size=60))
        body = packet_id.to_bytes(2, "big") + bytes(codes)
        return b"\x90" + bytes([len(body)]) + body, mqtt.Answered(packet_id, tuple(codes))
    if kind == "puback":
        return mqtt.puback(packet_id), mqtt.Answered(packet_id)
    if kind == "connack":
        return b"\x20\x02\x00\x00", mqtt.Connack(0)
    return b"\xd0\x00", mqtt.Pong()


@given(st.lists(packets(), max_size=8), st.data())
def test_packets_come_out_whole_wherever_the_stream_is_cut(
    written: list[tuple[bytes, mqtt.Packet]], data: st.DataObject
) -> None:
    stream = b"".join(raw for raw, _ in written)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    reader, read = mqtt.Reader(), []

    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        read += reader.feed(stream[begin:end])

    assert read == [packet for _, packet in written]


@given(st.lists(packets(), min_size=1, max_size=3))
def test_packets_come_out_whole_byte_by_byte(written: list[tuple[bytes, mqtt.Packet]]) -> None:
    reader = mqtt.Reader()

    read = [packet for raw, _ in written for byte in raw for packet in reader.feed(bytes([byte]))]

    assert read == [packet for _, packet in written]


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_no_bytes_make_the_reader_fail_otherwise_than_it_says(chunks: list[bytes]) -> None:
    reader = mqtt.Reader()

    with contextlib.suppress(mqtt.PacketMalformed):
        for chunk in chunks:
            reader.feed(chunk)
