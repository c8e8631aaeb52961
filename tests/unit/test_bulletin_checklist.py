"""The pre-flight list of a bulletin: each point by what it is about, and nothing where all is well."""

from typing import Any

import pytest

from controller.bulletins import checklist, document
from controller.bulletins.checklist import Heard, Known, Place

NAMES = {"vi": "Việt", "hmn": "Mông"}
VIETNAMESE = frozenset({("vi",)})
SPOKEN = {"language": "vi", "text": "Lời", "audio": "tin", "audio_kind": "recording"}


def points(*variants: dict[str, Any], **known: Any) -> list[tuple[str, str]]:
    text = document.read({"title": "Tin", "variants": list(variants)})
    usual: dict[str, Any] = {"sounds": {"tin": Heard()}, "places": (Place(id="p1", classes=VIETNAMESE),)}
    found = checklist.points(text, Known(**{**usual, **known}), NAMES)
    assert all(one.vi and one.en for one in found)
    return [(one.code, str(one.weight)) for one in found]


def test_nothing_is_said_where_all_is_well() -> None:
    assert points(SPOKEN) == []


@pytest.mark.parametrize(
    ("variants", "known", "expected"),
    [
        ((), {}, ("nothing_to_say", "stop")),
        ((SPOKEN,), {"places": ()}, ("no_place", "warning")),
        ((SPOKEN,), {"approvers": 0}, ("no_approver", "stop")),
        ((SPOKEN, {"language": "hmn", "text": "Lus"}), {}, ("text_without_sound", "warning")),
        ((SPOKEN,), {"sounds": {}}, ("sound_missing", "stop")),
        ((SPOKEN,), {"sounds": {"tin": Heard(playable=False)}}, ("sound_missing", "stop")),
        (({**SPOKEN, "board": {"image": "anh"}},), {"gone": frozenset({"anh"})}, ("picture_missing", "stop")),
        ((SPOKEN,), {"sounds": {"tin": Heard(findings=(("clipped", "vỡ", "clipped"),))}}, ("sound_clipped", "warning")),
        ((SPOKEN,), {"sounds": {"tin": Heard(fell_back="piper: missing")}}, ("voice_fell_back", "warning")),
        (({**SPOKEN, "audio_kind": "machine"},), {}, ("reading_missing", "warning")),
        (
            ({**SPOKEN, "audio_kind": "machine"},),
            {"readings": {"vi": "a"}, "sounds": {"tin": Heard(reading_sha256="b")}},
            ("reading_differs", "stop"),
        ),
        ((SPOKEN,), {"sounds": {"tin": Heard(machine=True)}}, ("reading_missing", "warning")),
        ((SPOKEN,), {"places": (Place(id="p1"),)}, ("nobody_there", "stop")),
        (
            (SPOKEN,),
            {"places": (Place(id="p1", classes=frozenset({("hmn", "vi")})),)},
            ("language_missing", "warning"),
        ),
        ((SPOKEN,), {"places": (Place(id="p1", classes=VIETNAMESE, boards=2),)}, ("board_empty", "warning")),
        ((SPOKEN,), {"places": (Place(id="p1", classes=VIETNAMESE, night="03:00"),)}, ("at_night", "warning")),
        ((SPOKEN,), {"places": (Place(id="p1", classes=VIETNAMESE, slot_ms=0),)}, ("no_slot", "warning")),
        (
            (SPOKEN,),
            {"places": (Place(id="p1", classes=VIETNAMESE, slot_ms=60_000, longest_ms=61_000),)},
            ("longer_than_slot", "stop"),
        ),
        (
            (SPOKEN,),
            {"places": (Place(id="p1", classes=VIETNAMESE, objections=(("ngoài giờ", "hours"),)),)},
            ("outside_rules", "stop"),
        ),
    ],
)
def test_each_thing_that_somebody_should_know_is_said(
    variants: tuple[dict[str, Any], ...], known: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert expected in points(*variants, **known)


def test_a_reading_that_the_machine_spoke_needs_no_word() -> None:
    machine = {**SPOKEN, "audio_kind": "machine"}

    assert points(machine, readings={"vi": "a"}, sounds={"tin": Heard(reading_sha256="a")}) == []


def test_a_slot_asks_for_a_sound_and_boards_alone_do_without() -> None:
    board = {"language": "vi", "board": {"short": "Chữ", "layout": "scroll"}}

    assert points(board, places=(Place(id="p1", boards=1),)) == []
    assert ("slot_needs_sound", "stop") in points(board, places=(Place(id="p1", boards=1, slot_ms=60_000),))


def test_what_stops_it_comes_first() -> None:
    found = points(SPOKEN, approvers=0, places=())

    assert [weight for _, weight in found] == ["stop", "warning"]


def test_a_slot_without_a_session_is_not_told_as_a_place_without_devices() -> None:
    text = document.read({"title": "Tin", "variants": [SPOKEN]})
    place = Place(id="p1", name="trong các buổi phát của Xã An Bình", slot_ms=0)

    found = checklist.points(text, Known(sounds={"tin": Heard()}, places=(place,)), NAMES)

    assert [one.code for one in found] == ["no_slot"]
    assert "Xã An Bình" in found[0].vi


def test_an_approval_is_stopped_by_what_nobody_else_decides() -> None:
    text = document.read({"title": "Tin", "variants": [SPOKEN]})
    place = Place(id="p1", classes=VIETNAMESE, slot_ms=1000, longest_ms=2000, objections=(("ngoài giờ", "hours"),))

    found = checklist.points(text, Known(sounds={"tin": Heard()}, places=(place,), approvers=0), NAMES)

    assert [one.code for one in checklist.own_stops(found)] == ["longer_than_slot"]
