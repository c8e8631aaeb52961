"""Files people write by hand: what they wrote is what is read, and a mistake is named with its line."""

import msgspec
import pytest

from loa_protocol.hand_written import HandWrittenInvalid, parse, read


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: str
    minutes: int = 15
    gain_db: float = 0.0
    loud: bool = False
    note: str | None = None


class Day(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slots: tuple[Slot, ...]


def test_what_is_written_is_read():
    text = "slots:\n  - {at: '05:00', minutes: 20, gain_db: -1.5, loud: true}\n  - at: buổi chiều\n    note: ~\n"

    day = read(text, Day)

    assert day == Day((Slot("05:00", 20, -1.5, loud=True), Slot("buổi chiều")))


@pytest.mark.parametrize(
    "written", ["17:00", "no", "on", "2026-01-01", "0x10", "1_000", "1e3", "010", ".inf", "=", "<<"]
)
def test_words_that_yaml_would_turn_into_something_else_stay_words(written: str):
    assert read(f"slots: [{{at: {written}}}]", Day).slots[0].at == written


@pytest.mark.parametrize(
    ("text", "line", "field", "reason"),
    [
        ("slots:\n  - at: a\n    minuts: 3", 3, "slots[0].minuts", "unknown field"),
        ("slots:\n  - at: a\n  - at: b\n    minutes: ten", 4, "slots[1].minutes", "Expected `int`, got `str`"),
        ("slots:\n  - at: a\n    at: b", 3, "slots[0].at", "twice"),
        ("slots:\n  - &a {at: a}\n  - *a", 2, "$", "anchors"),
        ("slots:\n  - !!python/name:os.system {at: a}", 2, "slots[0]", "tag"),
        ("slots:\n  - at: !secret a", 2, "slots[0].at", "tag"),
        ("slots: []\n---\nslots: []", 2, "$", "document"),
        ("slots: [\n", 2, "$", "not YAML"),
        ("slots: []\n\tx: 1", 2, "$", "not YAML"),
        ("? [a, b]\n: 1", 1, "$", "a field name is a word"),
        ("", 1, "$", "Expected `object`, got `null`"),
        ("[" * 200_000, 1, "$", "nested"),
        ("#" * 300_000, 1, "$", "262144 characters"),
        ("slots: \x07", 1, "$", "not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(text: str, line: int, field: str, reason: str):
    with pytest.raises(HandWrittenInvalid) as caught:
        read(text, Day)

    assert (caught.value.line, caught.value.field) == (line, field)
    assert reason in caught.value.reason
    assert f"line {line}, {field}: " in str(caught.value)


def test_the_line_of_a_field_is_found_or_of_what_is_around_it():
    written = parse("# a day\nslots:\n  - at: a\n  - at: b\n    minutes: 3\n")

    assert written.line_of("$.slots[1].minutes") == 5
    assert written.line_of("$.slots[1]") == 4
    assert written.line_of("$.slots[1].note") == 4
    assert written.line_of("$.nothing") == 2


def test_every_field_that_is_not_read_is_named_at_once():
    written = parse("slots: []\nslots: []\nday: !x 3\n? [a]\n: 1\nday: 4\n")

    assert [(one.line, one.what) for one in written.refused] == [(2, "twice"), (3, "tag"), (4, "no_word"), (6, "twice")]
