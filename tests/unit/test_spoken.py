"""What a device sounds by its languages, by vectors that any other receiver's maker can run too."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loa_protocol.documents.plan import Broadcast, ChimeSegment, ContentSegment, PauseSegment, RelaySegment, Segments
from loa_protocol.spoken import parts_of, sound_ms
from tests.fakes.agent_world import content_named

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "spoken" / "cases.json").read_text())
NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["promise"])
def test_a_vector_of_languages_is_answered_as_it_says(case: dict[str, Any]) -> None:
    segments = msgspec.convert(case["segments"], Segments)
    lengths = case["lengths_ms"].items()
    manifest = {ref: msgspec.structs.replace(content_named(ref), duration_ms=length) for ref, length in lengths}
    broadcast = Broadcast(id="tin", start=NOW, latest_start=NOW, duration_ms=999_999, segments=segments, repeats=2)

    parts = parts_of(segments, manifest, case["languages"])

    assert [_word(part) for part in parts] == case["sounds"]
    assert sound_ms(broadcast, manifest, case["languages"]) == 2 * case["duration_ms"]


def _word(part: object) -> object:
    match part:
        case ContentSegment(ref=ref, variants=variants) if not variants:
            return ref
        case ChimeSegment(name=name):
            return name
        case PauseSegment(duration_ms=length):
            return length
        case RelaySegment(url=url, duration_ms=length):
            return f"{url} for {length}"
        case _:
            raise AssertionError(part)


def test_a_broadcast_without_variants_means_what_it_always_meant() -> None:
    segments = (ContentSegment(ref="a"), RelaySegment(url="https://vov.vn/1", duration_ms=5, at_ms=900))
    broadcast = Broadcast(id="tin", start=NOW, latest_start=NOW, duration_ms=4321, segments=segments)

    assert parts_of(segments, {}, ("vi",)) is segments
    assert sound_ms(broadcast, {"a": content_named("a")}, ("vi",)) == 4321
    assert msgspec.json.encode(ContentSegment(ref="a")) == b'{"type":"content","ref":"a"}'
