"""The two languages of the pages. What stands in the sources is Vietnamese; `locale/en.po` has all of it in English.

The catalogue is read as it is written when the application is made: there is no compiled file beside it that could say
something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

COOKIE = "loa-language"
CATALOGUE = "locale/en.po"


class Language(StrEnum):
    """What pages are written in."""

    VI = "vi"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language with its words."""

    language: Language
    words: NullTranslations

    def say(self, text: str, **values: object) -> str:
        """A text of the sources in this language."""
        return self.words.gettext(text) % values if values else self.words.gettext(text)

    def count(self, text: str, number: int, **values: object) -> str:
        """As `say`, of a text with `%(num)s` in it: Vietnamese has one form, English two."""
        return self.words.ngettext(text, text, number) % {"num": number, **values}


def tongues() -> Mapping[Language, Tongue]:
    """Both."""
    english = read_po(BytesIO((files("controller.web") / CATALOGUE).read_bytes()), locale="en")
    compiled = BytesIO()
    write_mo(compiled, english)
    compiled.seek(0)
    return {
        Language.VI: Tongue(Language.VI, NullTranslations()),
        Language.EN: Tongue(Language.EN, GNUTranslations(compiled)),
    }


def chosen(cookie: str | None, accepted: str) -> Language:
    """What this browser was set to; else the first of ours that it asks for (`Accept-Language`); else Vietnamese."""
    if cookie in set(Language):
        return Language(cookie)
    wanted = sorted(map(_weighed, accepted.split(",")), key=lambda one: -one[1])
    for name, weight in wanted:
        if weight > 0 and name in set(Language):
            return Language(name)
    return Language.VI


def _weighed(part: str) -> tuple[str, float]:
    name, _, quality = part.partition(";")
    try:
        weight = float(quality.partition("=")[2]) if quality else 1.0
    except ValueError:
        weight = 0.0
    return name.strip().lower().partition("-")[0], weight


def marked(text: str) -> str:
    """Mark a text for translation where it is defined; it is said in a language where it is shown."""
    return text


def counted(text: str) -> str:
    """As `marked`, for `Tongue.count`."""
    return text
