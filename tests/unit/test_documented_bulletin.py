"""A bulletin's document as operators and programs are shown it is what is taken."""

import json
import re
from pathlib import Path

import pytest

from controller.bulletins import document, schema
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


def test_the_api_describes_every_field_of_a_bulletin_without_references() -> None:
    described = schema.of_document()

    variant = described["properties"]["variants"]["items"]["properties"]
    assert set(described["properties"]) == set(document.Document.__struct_fields__)
    assert set(variant) == set(document.Variant.__struct_fields__)
    assert variant["board"]["anyOf"][0]["properties"]["layout"]["pattern"] == "^(page|scroll)$"
    assert "$ref" not in json.dumps(described)
