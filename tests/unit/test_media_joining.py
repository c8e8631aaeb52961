"""What may be joined: chimes, pauses and short sounds, two minutes in all."""

import pytest

from controller.media.joining import (
    MAX_CLIP_MS,
    Chime,
    ChimeNotKnown,
    Clip,
    ClipRefused,
    ClipTooLong,
    NothingToJoin,
    Part,
    Pause,
    asset_ids,
    require_joinable,
    told,
    understood,
)
from loa_protocol.documents.plan import CHIME_MS

LENGTHS_MS = {"ngan": 1000, "vua": MAX_CLIP_MS, "dai": MAX_CLIP_MS + 1}


def test_the_whole_lasts_as_long_as_its_parts() -> None:
    parts = (Chime("opening"), Pause(700), Clip("ngan"), Clip("ngan"))

    assert require_joinable(parts, LENGTHS_MS) == CHIME_MS["opening"] + 700 + 2000
    assert require_joinable((Clip("vua"),), LENGTHS_MS) == MAX_CLIP_MS


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [
        ((), NothingToJoin),
        ((Pause(700),), NothingToJoin),
        ((Chime("gong"),), ChimeNotKnown),
        ((Clip("dai"),), ClipTooLong),
        ((Clip("vua"), Pause(1)), ClipTooLong),
        ((Clip("ngan"), Pause(MAX_CLIP_MS + 1)), ClipTooLong),
        ((Clip("ngan"), Pause(-1)), ClipTooLong),
    ],
)
def test_what_would_not_be_a_short_clip_is_refused(parts: tuple[Part, ...], refusal: type[ClipRefused]) -> None:
    with pytest.raises(refusal):
        require_joinable(parts, LENGTHS_MS)


def test_parts_are_told_and_understood_again_in_their_order() -> None:
    parts = (Clip("b"), Pause(0), Chime("closing"), Clip("a"), Clip("b"))

    assert understood(told(parts)) == parts
    assert asset_ids(parts) == ("b", "a")


@pytest.mark.parametrize("plain", [{}, {"chime": "opening", "pause_ms": 1}, {"pause_ms": "1"}, {"file": "/etc/passwd"}])
def test_a_part_that_is_none_is_refused(plain: dict[str, str | int]) -> None:
    with pytest.raises(ClipRefused):
        understood([plain])
