"""Numbers of documents: 86/KH-UBND, 15/2024/NĐ-CP, 86-KH/TU, 59/2020/QH14, QĐ-TTg.

Said as an announcer does: the kind (unless it was just named), the number, "năm" and the year, "của" and who issued it
(unless that follows in full).
"""

import re
from dataclasses import dataclass
from typing import Final

from controller.speech.reading import doubts, numbers
from controller.speech.reading.place import Doubt, Place, Said
from controller.speech.reading.spoken import Kind
from controller.speech.reading.vocabulary.documents import ALSO, ISSUERS, KINDS
from controller.speech.reading.vocabulary.letters import spelled

_PART: Final = r"[A-ZĐƯ][A-Za-zĐđƯưyi&]{0,9}\d{0,2}"
_STATE: Final = re.compile(rf"(\d{{1,5}})(?: ?/ ?([12]\d{{3}}))? ?/ ?({_PART}(?: ?[-–.] ?{_PART}){{0,4}})(?![^\W_])")
_PARTY: Final = re.compile(rf"(\d{{1,5}}) ?[-–] ?({_PART}) ?/ ?({_PART}(?:[-–.]{_PART}){{0,2}})(?![^\W_])")
_BARE: Final = re.compile(rf"({_PART}) ?- ?({_PART}(?:-{_PART})?)(?![^\W_])")
_PARTS: Final = re.compile(_PART)
_OF: Final = re.compile(
    r",? ?(?:\(?ngày [\d/.-]{3,10}\)? ?|năm \d{4} ?|ngày \d{1,2} tháng \d{1,2} năm \d{4} ?)?(?:của|do)\b"
)
_TERM: Final = re.compile(r"(QH|UBTVQH|HĐND)(\d{1,2})")
_NAMED: Final = 4
_UNIT_LIKE: Final = frozenset({"USD", "VND", "VNĐ", "CN", "AIDS"})


@dataclass(frozen=True, slots=True)
class _Signs:
    """What the letters of a number say: the kind of document, who issued it, and what is doubtful in it."""

    sign: str
    kind: str
    issuer: str
    doubt: Doubt | None


def documents(place: Place) -> Said | None:
    """A number of a document that begins with digits."""
    found = place.match(_PARTY)
    if found and found.group(2) in KINDS:
        signs = _read_parts([found.group(2), *_PARTS.findall(found.group(3))], place)
        return _said(place, found.end(), found.group(1), None, signs)
    found = place.match(_STATE)
    if not found or not _is_document(found):
        return None
    return _said(place, found.end(), found.group(1), found.group(2), _read_parts(_PARTS.findall(found.group(3)), place))


def bare_signs(place: Place) -> Said | None:
    """QĐ-TTg without a number."""
    found = place.match(_BARE)
    if not found or found.group(1) not in KINDS or found.group(2).split("-")[0] not in ISSUERS:
        return None
    signs = _read_parts([found.group(1), *found.group(2).split("-")], place)
    of = "" if place.match(_OF, found.end()) else f" của {signs.issuer}"
    return Said(found.end(), signs.kind + of, Kind.DOCUMENT, signs.doubt)


def _is_document(found: re.Match[str]) -> bool:
    """Whether the letters are signs of a document: a year or a hyphen, or a name that issues or is a kind."""
    parts = _PARTS.findall(found.group(3))
    if any(part in _UNIT_LIKE for part in parts):
        return False
    named = any(part in KINDS or part in ISSUERS or _TERM.fullmatch(part) for part in parts)
    return (len(parts[0]) > 1 and named) or (found.group(2) is not None) or (len(parts) > 1 and len(parts[0]) > 1)


def _said(place: Place, end: int, number: str, year: str | None, signs: _Signs) -> Said:
    numbered = place.last == "số" or place.before.rstrip().endswith("số:")
    kind = "" if _is_named(place, signs) else signs.kind
    words = [*filter(None, [kind]), "số"] if not numbered else []
    words.append(numbers.cardinal(int(number), place.usage))
    if year:
        words += ["năm", numbers.cardinal(int(year), place.usage)]
    if kind and numbered:
        words[-1] += f", {kind}"
    if signs.issuer and not place.match(_OF, end):
        words += ["của", signs.issuer]
    return Said(end, " ".join(words), Kind.DOCUMENT, signs.doubt)


def _is_named(place: Place, signs: _Signs) -> bool:
    """Whether the kind of document was named just before, or there is none to name."""
    kind = signs.kind
    if not kind or signs.sign in place.near[-2:]:
        return True
    words = kind.split()
    near = place.near[-len(words) - _NAMED :]
    return any(list(near[at : at + len(words)]) == words for at in range(len(near))) or (
        kind == "luật" and "luật" in near
    )


def _read_parts(parts: list[str], place: Place) -> _Signs:
    kind = KINDS.get(parts[0], "") if len(parts) > 1 or parts[0] not in ISSUERS else ""
    rest = parts[1:] if kind else parts
    said = [_issuer(part, place) for part in rest]
    return _Signs(
        parts[0].lower(),
        kind,
        ", ".join(words for words, _ in said),
        next(filter(None, (doubt for _, doubt in said)), None),
    )


def _issuer(part: str, place: Place) -> tuple[str, Doubt | None]:
    """Who issued it, and what is doubtful; the pronunciation list comes first."""
    for written, spoken in place.manner.lexicon.get(part[0].lower(), ()):
        if written == part:
            return spoken, None
    if part in ISSUERS:
        return ISSUERS[part], doubts.other_meanings(ALSO[part]) if part in ALSO else None
    term = _TERM.fullmatch(part)
    if term:
        return f"{ISSUERS[term.group(1)]} khóa {numbers.cardinal(int(term.group(2)), place.usage)}", None
    letters, digits = part.rstrip("0123456789"), part[len(part.rstrip("0123456789")) :]
    return spelled(letters) + (
        f" {numbers.cardinal(int(digits), place.usage)}" if digits else ""
    ), doubts.UNKNOWN_ABBREVIATION
