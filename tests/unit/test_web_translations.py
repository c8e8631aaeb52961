"""Both languages say everything: the catalogue has exactly what pages and sources hold, and no word is changed."""

import re
import unicodedata
from io import BytesIO

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from controller.web.collecting import HERE, collected, written
from controller.web.translating import CATALOGUE, Language, chosen, tongues

_HOLE = re.compile(r"%\((\w+)\)s")
_NEW_PLACEMENT = re.compile("o[àáảãạ]|o[èéẻẽẹ]|u[ỳýỷỹỵ]", re.IGNORECASE)
"""hoà, thuý; but quý, quỳ stay as they are."""


def _known() -> list[Message]:
    catalogue = read_po(BytesIO((HERE / CATALOGUE).read_bytes()), locale="en")
    return [one for one in catalogue if one.id]


def test_english_has_every_text_of_the_pages_and_no_other() -> None:
    sources = {one.id for one in collected() if one.id}

    assert {one.id for one in _known()} == sources
    assert len(sources) > 200


def test_every_text_is_translated_whole() -> None:
    for one in _known():
        texts = one.string if isinstance(one.string, tuple) else (one.string,)
        source = one.id[0] if isinstance(one.id, tuple) else one.id

        assert all(texts), source
        assert not one.fuzzy, source
        for text in texts:
            assert set(_HOLE.findall(str(text))) == set(_HOLE.findall(source)), source


def test_the_catalogue_is_as_its_tool_writes_it() -> None:
    raw = (HERE / CATALOGUE).read_bytes()

    assert written(read_po(BytesIO(raw), locale="en")) == raw


def test_vietnamese_is_spelt_in_one_way() -> None:
    for one in collected():
        text = one.id[0] if isinstance(one.id, tuple) else one.id

        assert text == unicodedata.normalize("NFC", text)
        for found in _NEW_PLACEMENT.finditer(text):
            before, word = text[: found.start()][-1:].lower(), text[found.end() : found.end() + 1]
            assert before == "q" or word.isalpha(), text


def test_both_languages_say_it() -> None:
    both = tongues()

    assert both[Language.VI].say("Hôm nay") == "Hôm nay"
    assert both[Language.EN].say("Hôm nay") == "Today"
    assert [both[Language.EN].count("%(num)s phút", one) for one in (1, 2)] == ["1 minute", "2 minutes"]
    assert both[Language.VI].count("%(num)s phút", 2) == "2 phút"


def test_the_language_is_the_browsers_unless_it_was_set() -> None:
    assert chosen(None, "") is Language.VI
    assert chosen(None, "fr-FR,en;q=0.8,vi;q=0.9") is Language.VI
    assert chosen(None, "en-GB,vi;q=0.9") is Language.EN
    assert chosen("vi", "en") is Language.VI
    assert chosen("klingon", "en;q=nonsense, en;q=0") is Language.VI
