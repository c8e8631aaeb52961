"""What an officer is refused is said in Vietnamese, in the time of Vietnam's clocks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from controller.bulletins import document, places
from controller.media.pictures import signatures
from controller.people.acting import TOKEN
from controller.speech import port, previews, rules
from loa_protocol.errors import LoaError

NOW = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)
TEXT = document.read({"title": "Tin", "valid_until": "2026-11-22T00:00:00Z"})


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (TOKEN.require_person, "ai làm"),
        (lambda: places.require_time(TEXT, NOW, NOW, NOW), "17:00 ngày 21/11/2026"),
        (lambda: places.require_time(TEXT, NOW + timedelta(days=9999), NOW, NOW), "nhiều nhất"),
        (lambda: places.require_valid(TEXT, NOW + timedelta(days=1)), "17:00 ngày 22/11/2026"),
        (lambda: signatures.recognised(b"<svg></svg>"), "PNG, JPEG"),
        (lambda: previews.require_short("a" * 501), "500"),
        (lambda: port.require_plain("a" * 70_000), "hai bản tin"),
        (lambda: rules.turns([], "hmn", [], None), "tiếng Mông"),
    ],
)
def test_a_refusal_is_told_in_vietnamese_and_local_time(refused: Callable[[], object], words: str) -> None:
    with pytest.raises(LoaError) as told:
        refused()

    assert words in str(told.value.details["vi"])
    assert "+00:00" not in str(told.value)
