"""Topics are built and read by one module, and only ours are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loa_protocol import topics
from loa_protocol.topics import Address, Family

ids = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)
UPWARD = (Family.PRESENCE, Family.STATE, Family.RECEIPTS, Family.WANT, Family.HEALTH, Family.UP_REPLY)
TO_DEVICE = (Family.ASSIGNMENT, Family.COMMAND, Family.ACK, Family.REPLY, Family.DEVICE_CONTENT)


@given(ids, st.sampled_from(UPWARD))
def test_an_uplink_topic_is_read_as_it_was_built(device: str, family: Family) -> None:
    assert topics.parse(topics.up(family, device)) == Address(family, device)


@given(ids, st.sampled_from(TO_DEVICE))
def test_a_device_topic_is_read_as_it_was_built(device: str, family: Family) -> None:
    assert topics.parse(topics.to_device(family, device)) == Address(family, device)


@given(ids, st.sampled_from("ugd"), st.sampled_from(topics.SCOPED))
def test_a_scope_topic_is_read_as_it_was_built(name: str, letter: str, family: Family) -> None:
    assert topics.parse(topics.scoped(family, f"{letter}-{name}")) == Address(family, f"{letter}-{name}")


def test_a_message_under_another_devices_shard_is_refused() -> None:
    right = topics.up(Family.STATE, "loa-1")
    wrong = right.replace(f"/{topics.shard_of('loa-1')}/", "/zz/")

    with pytest.raises(topics.TopicUnknown):
        topics.parse(wrong)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        topics.parse("loa/v1/" + text)
    except topics.TopicUnknown:
        return
