"""The bulletin file that operators are shown is one that is taken."""

import re
from pathlib import Path

import pytest

from controller.bulletins import document
from loa_protocol import hand_written

GUIDE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_the_documented_file_is_a_bulletin() -> None:
    shown = re.search(r"```yaml\n(title: .*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    found = hand_written.parse(shown[1].replace("…", "a0"), most_characters=10_000)

    text = document.read(found.data)
    assert not found.refused
    assert [one.language for one in text.variants] == ["vi", "hmn"]
    assert text.boards[0].text.startswith("Tiêm chủng")


def test_what_is_malformed_is_told_in_vietnamese_with_its_place() -> None:
    with pytest.raises(document.BulletinInvalid) as told:
        document.read({"title": "Tin", "variants": [{"language": "vi", "audio": "KHÔNG"}]})

    assert "variants[0].audio" in str(told.value.details["vi"])
