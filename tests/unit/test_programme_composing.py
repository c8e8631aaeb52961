"""From a session to wire segments and lengths."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.broadcasts.rules import Sound
from controller.schedules.composing import ALIKE, Composed, Material, compose
from controller.schedules.programme import Session
from controller.schedules.slots.filling import Waiting
from loa_protocol.documents.plan import (
    CHIME_MS,
    ChimeSegment,
    ContentSegment,
    OnLate,
    PauseSegment,
    RelaySegment,
)
from loa_protocol.spoken import pass_ms

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
EARLY = datetime(2020, 1, 1, tzinfo=UTC)
URL = "http://vov.example/vov1"
MATERIAL = Material({name: Sound(name, f"r-{name}", 60_000) for name in ("tin", "nhac", "bai")})


CLASSES = (("vi",), ("hmn", "vi"), ("km",))


def _composed(
    *segments: dict[str, Any], material: Material = MATERIAL, classes: Any = ALIKE, **changes: Any
) -> Composed:
    data = {"id": "s", "title": "S", "at": "17:00", "segments": list(segments), **changes}
    return compose(msgspec.convert(data, Session), START, material, classes)


def _content(asset: str = "tin", seconds: int = 60) -> dict[str, Any]:
    return {"kind": "content", "asset": asset, "duration_s": seconds}


def _relay(seconds: int = 600, **changes: Any) -> dict[str, Any]:
    return {"kind": "relay", "title": "VOV", "url": URL, "duration_s": seconds, **changes}


def _slot(seconds: int = 300, **changes: Any) -> dict[str, Any]:
    return {"kind": "bulletins", "title": "Tin", "of": "xa", "max_duration_s": seconds, **changes}


def _waiting(**sounds: int) -> Material:
    items = [
        Waiting(id=name, title=name, asset=name, duration_ms=ms, position=at, valid_from=EARLY, created_at=EARLY)
        for at, (name, ms) in enumerate(sounds.items())
    ]
    known = dict(MATERIAL.sounds) | {name: Sound(name, f"r-{name}", ms) for name, ms in sounds.items()}
    return Material(known, {"xa": items})


def _spoken(**lengths: tuple[int, dict[str, int]]) -> Material:
    """Items that wait, each with its length and the lengths of its variants."""
    said = {name: {name: ms} | {f"{name}-{code}": more[code] for code in more} for name, (ms, more) in lengths.items()}
    items = [
        Waiting(
            id=name,
            title=name,
            asset=name,
            variants={code: f"{name}-{code}" for code in more},
            duration_ms=ms,
            position=at,
            valid_from=EARLY,
            created_at=EARLY,
        )
        for at, (name, (ms, more)) in enumerate(lengths.items())
    ]
    known = {asset: Sound(asset, f"r-{asset}", ms) for one in said.values() for asset, ms in one.items()}
    return Material(dict(MATERIAL.sounds) | known, {"xa": items})


def test_a_slot_is_full_where_its_items_last_longest() -> None:
    material = _spoken(
        a=(100_000, {"hmn": 120_000, "vi": 100_000}), b=(50_000, {"km": 150_000}), c=(90_000, {}), d=(70_000, {})
    )

    made = _composed(_slot(300), material=material, classes=CLASSES)
    (slot,) = made.slots

    # By class: a 100, 220, 100 s; b 50, 50, 150; then c would be 360 s for those who speak two, d 340.
    assert [one.id for one in slot.filling.chosen] == ["a", "b"]
    assert made.segments == (
        ContentSegment("r-a", {"hmn": "r-a-hmn", "vi": "r-a-vi"}),
        ContentSegment("r-b", {"km": "r-b-km"}),
    )
    assert (made.sound_ms, slot.filling.spare_ms, slot.filling.over_ms) == (270_000, 30_000, 130_000)
    alone = _composed(_slot(300), material=material, classes=[("vi",)])
    assert [one.id for one in alone.slots[0].filling.chosen] == ["a", "b", "c"]


def test_a_variant_that_is_not_there_is_left_out_and_told() -> None:
    material = _spoken(a=(100_000, {"hmn": 120_000}))
    lacking = Material({key: one for key, one in material.sounds.items() if key != "a-hmn"}, material.waiting)

    made = _composed(_slot(300), material=lacking, classes=CLASSES)

    assert (made.segments, made.missing) == ((ContentSegment("r-a"),), ("a-hmn",))


def test_a_sound_of_the_session_itself_may_have_variants() -> None:
    told = _content("tin") | {"variants": {"hmn": "nhac", "km": "mat"}}

    made = _composed(told, classes=CLASSES)

    assert made.segments == (ContentSegment("r-tin", {"hmn": "r-nhac"}),)
    assert (made.sound_ms, made.missing) == (60_000, ("mat",))
    assert MATERIAL.varies(
        msgspec.convert({"id": "s", "title": "S", "at": "17:00", "segments": [told]}, Session).segments
    )


@pytest.mark.parametrize(
    ("languages", "segment", "sound_ms"),
    [
        ([], ContentSegment("r-a", {"hmn": "r-a-hmn", "vi": "r-a-vi"}), 210_000),
        (["vi", "km"], ContentSegment("r-a", {"vi": "r-a-vi"}), 100_000),
        (["hmn"], ContentSegment("r-a-hmn"), 110_000),
        (["km"], ContentSegment("r-a"), 90_000),
    ],
)
def test_a_session_sends_what_is_said_in_its_languages(
    languages: list[str], segment: ContentSegment, sound_ms: int
) -> None:
    material = _spoken(a=(90_000, {"hmn": 110_000, "vi": 100_000}))

    made = _composed(_slot(300), material=material, classes=CLASSES, languages=languages)

    assert (made.segments, made.sound_ms) == ((segment,), sound_ms)
    assert made.slots[0].filling.sound_ms == sound_ms


def test_a_relay_behind_variants_names_its_place() -> None:
    material = _spoken(a=(100_000, {"hmn": 120_000, "vi": 100_000}))

    made = _composed(_slot(300), _relay(600), material=material, classes=CLASSES)

    assert made.segments[1:] == (PauseSegment(80_000), RelaySegment(URL, 600_000, at_ms=300_000))
    assert made.sound_ms == 900_000


def test_segments_become_what_devices_play_in_their_order() -> None:
    made = _composed({"kind": "chime"}, _content(), {"kind": "pause", "duration_ms": 500}, _content("nhac"))

    chime = ChimeSegment(name="opening", duration_ms=CHIME_MS["opening"])
    assert made.segments == (chime, ContentSegment("r-tin"), PauseSegment(500), ContentSegment("r-nhac"))
    assert made.sound_ms == CHIME_MS["opening"] + 120_500
    assert (made.spare_ms, made.over_ms, made.on_late) == (0, 0, OnLate.BEGIN)


@pytest.mark.parametrize(("length_s", "spare_ms", "over_ms"), [(180, 60_000, 0), (60, 0, 60_000), (None, 30_000, 0)])
def test_what_is_left_or_too_much_is_told_against_the_planned_length(length_s, spare_ms, over_ms) -> None:
    made = _composed(_content(seconds=90), _content(seconds=60), length_s=length_s)

    assert (made.sound_ms, made.spare_ms, made.over_ms) == (120_000, spare_ms, over_ms)


def test_a_slot_is_what_waits_as_far_as_it_fits() -> None:
    made = _composed(_slot(300), material=_waiting(a=200_000, b=150_000, c=90_000))

    assert made.segments == (ContentSegment("r-a"), ContentSegment("r-c"))
    (slot,) = made.slots
    assert [(item.id, reason) for item, reason in slot.filling.left_out] == [("b", "no_room")]
    assert (slot.filling.spare_ms, slot.filling.over_ms) == (10_000, 140_000)


def test_an_empty_slot_is_its_fallback_or_is_left_out() -> None:
    assert _composed(_slot(fallback="nhac")).segments == (ContentSegment("r-nhac"),)
    assert _composed(_content(), _slot()).segments == (ContentSegment("r-tin"),)


def test_a_session_of_which_only_chimes_are_left_is_not_sent() -> None:
    made = _composed({"kind": "chime"}, _slot(), {"kind": "chime", "name": "closing"})

    assert (made.silent, made.sound_ms, made.full_ms) == (True, 0, 300_000 + 2 * CHIME_MS["closing"])


def test_a_session_that_is_meant_to_be_a_chime_is_sent() -> None:
    assert not _composed({"kind": "chime"}).silent
    assert _composed({"kind": "pause", "duration_ms": 500}).silent


def test_a_relay_joins_late_where_it_is_and_keeps_its_fallback() -> None:
    made = _composed(_relay(fallback="nhac"))

    assert made.segments == (RelaySegment(URL, 600_000, "r-nhac"),)
    assert made.on_late is OnLate.REST


def test_a_relay_after_a_short_slot_begins_when_it_was_planned() -> None:
    made = _composed(_slot(300), _relay(600), material=_waiting(a=200_000))

    assert made.segments == (ContentSegment("r-a"), PauseSegment(100_000), RelaySegment(URL, 600_000))
    assert (made.sound_ms, made.spare_ms) == (900_000, 0)


def test_a_relay_after_something_too_long_loses_its_beginning_and_keeps_its_end() -> None:
    made = _composed(_content(seconds=20), _relay(600))

    assert made.segments == (ContentSegment("r-tin"), RelaySegment(URL, 560_000))
    assert _composed(_content(seconds=20), _relay(40)).segments == (ContentSegment("r-tin"),)


def test_a_sound_that_is_not_there_is_left_out_and_told() -> None:
    made = _composed(_content(), _content("mat"), _relay(fallback="mat-luon"))

    assert made.missing == ("mat", "mat-luon")
    assert made.segments == (ContentSegment("r-tin"), PauseSegment(60_000), RelaySegment(URL, 600_000))


_PARTS = st.one_of(
    st.just({"kind": "chime"}),
    st.sampled_from(["tin", "mat"]).map(_content),
    st.integers(1, 300).map(_relay),
    st.integers(1, 300).map(_slot),
    st.integers(100, 5000).map(lambda ms: {"kind": "pause", "duration_ms": ms}),
)


_TONGUES = st.dictionaries(st.sampled_from(["vi", "hmn", "km"]), st.integers(1, 100_000), max_size=3)
_ITEMS = st.lists(st.tuples(st.integers(1, 200_000), _TONGUES), max_size=4)
_SPOKEN = st.sampled_from([ALIKE, CLASSES])


@given(st.lists(_PARTS, min_size=1, max_size=8), _ITEMS, _SPOKEN)
def test_the_length_told_is_that_of_the_devices_that_need_longest(
    parts: list[dict[str, Any]], items: list[tuple[int, dict[str, int]]], classes: Any
) -> None:
    material = _spoken(**{f"w{at}": one for at, one in enumerate(items)})
    sounds = {sound.ref: sound for sound in material.sounds.values()}

    made = _composed(*parts, material=material, classes=classes)

    assert made.sound_ms == max(pass_ms(made.segments, sounds, languages) or 0 for languages in classes)
    assert all(slot.filling.sound_ms <= slot.length_ms for slot in made.slots)
    assert made.spare_ms == 0 or made.over_ms == 0
    assert made.silent == (not made.segments)
