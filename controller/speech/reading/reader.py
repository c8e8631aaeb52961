"""A text of a bulletin becomes the words that a Vietnamese announcer says. Pure; never raises; linear in its length.

Rules are tried in order at each token, the first that answers wins; the unit's pronunciation list comes before all.
To teach it something new, write a rule in a room of `rules/` and put it into RULES. What no rule knows stays as it is.
Reading a reading again changes nothing (a pronunciation list may, if what it says is itself on it).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from controller.speech.characters import settle
from controller.speech.reading import doubts
from controller.speech.reading.place import Doubt, Manner, Place, Rule, Said
from controller.speech.reading.rules import (
    abbreviations,
    addresses,
    capitals,
    codes,
    dashed_days,
    date_spans,
    dates,
    day_lists,
    digits,
    documents,
    fractions,
    lexicon,
    lunar,
    phones,
    quantities,
    roman,
    signs,
    times,
)
from controller.speech.reading.sentences import sentences, tidy
from controller.speech.reading.spoken import Kind, Note, Reading
from controller.speech.reading.tokens import Shape, Token, tokens
from controller.speech.reading.usage import NORTHERN, Usage

_NUMBERS: Final[tuple[Rule, ...]] = (
    lexicon.pronunciations,
    addresses.addresses,
    phones.telephone,
    digits.coded,
    digits.plate,
    digits.heading,
    documents.documents,
    lunar.lunar_dates,
    lunar.lunar_months,
    lunar.feasts,
    lunar.firsts,
    times.times,
    digits.score,
    day_lists.day_lists,
    date_spans.spans,
    dates.dates,
    dashed_days.dashed_days,
    digits.kilometre_post,
    quantities.millions,
    quantities.metres,
    quantities.tonnes,
    digits.chains,
    quantities.lists,
    fractions.products,
    fractions.ratios,
    fractions.fractions,
    digits.spaced_groups,
    quantities.at_least,
    quantities.quantity,
    digits.sections,
    codes.digits_first,
    digits.any_digits,
)
_WORDS: Final[tuple[Rule, ...]] = (
    lexicon.pronunciations,
    addresses.addresses,
    quantities.currency_first,
    documents.bare_signs,
    abbreviations.titles,
    abbreviations.numbered,
    abbreviations.listed,
    codes.kilometre,
    codes.bare_unit,
    codes.times_sign,
    codes.letters_first,
    roman.roman,
    roman.lettered,
    capitals.capitals,
    capitals.single_letter,
)
_SIGNS: Final[tuple[Rule, ...]] = (
    lexicon.pronunciations,
    phones.telephone,
    quantities.signed,
    quantities.currency_first,
    signs.signs,
)
RULES: Final[dict[Shape, tuple[Rule, ...]]] = {Shape.DIGITS: _NUMBERS, Shape.LETTERS: _WORDS, Shape.SIGN: _SIGNS}
_ROUNDS: Final = 4
_LATIN_END: Final = "\u0250"
_LATIN_MORE: Final = ("\u1e00", "\u1eff")


def read(
    text: str, *, lexicon: Mapping[str, str] | None = None, today: date | None = None, usage: Usage = NORTHERN
) -> Reading:
    """How `text` is read.

    Args:
        text: as cleaned; what cleaning would drop is left out here, too
        lexicon: the unit's pronunciation list, written to spoken; wins over every rule
        today: for dates without a year and years of two digits
        usage: the words of the north or the south for numbers
    """
    written, _ = settle(text)
    manner = Manner(usage, today, _compiled(lexicon or {}))
    pieces, notes = _pieces(written, manner)
    spoken = _settled(tidy("".join(pieces)), manner)
    return Reading(written, spoken, sentences(spoken), tuple(notes.values()))


def as_written(text: str) -> Reading:
    """`text` of another language, in sentences: nothing in it is read in a way of its own."""
    written, _ = settle(text)
    spoken = tidy(written)
    return Reading(written, spoken, sentences(spoken), ())


def _settled(spoken: str, manner: Manner) -> str:
    """`spoken` read again until nothing changes: words that stood against signs are words by themselves now."""
    plain = replace(manner, lexicon={})
    for _ in range(_ROUNDS):
        again = tidy("".join(_pieces(spoken, plain)[0]))
        if again == spoken:
            break
        spoken = again
    return spoken


def _compiled(entries: Mapping[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    return lexicon.by_first({settle(written)[0].strip(): spoken for written, spoken in entries.items()})


def _pieces(written: str, manner: Manner) -> tuple[list[str], dict[tuple[Kind, str, str, bool], Note]]:
    """What is said piece by piece, and what is to be told."""
    pieces: list[str] = []
    notes: dict[tuple[Kind, str, str, bool], Note] = {}
    done = 0
    for token in tokens(written):
        if token.at < done:
            continue
        said = _apply(token, written, manner)
        if said is None:
            pieces.append(_as_it_is(token, written, notes))
            continue
        done = said.end
        spoken = _plain(said, manner)
        pieces.append(spoken if spoken == "-" else f" {spoken} ")
        if said.told or said.doubt:
            _tell(notes, said, written[token.at : said.end], tidy(spoken), token.at)
    return pieces, notes


def _apply(token: Token, written: str, manner: Manner) -> Said | None:
    rules = RULES.get(token.shape, ())
    place = Place(written, token.at, manner)
    return next((said for rule in rules if (said := rule(place)) is not None), None)


def _plain(said: Said, manner: Manner) -> str:
    """What is said; a pronunciation is itself read, so that nothing but words comes out of it."""
    if said.kind is not Kind.LEXICON:
        return said.spoken
    pieces, _ = _pieces(settle(said.spoken)[0], replace(manner, lexicon={}))
    return tidy("".join(pieces)).replace("\n", " ")


def _as_it_is(token: Token, written: str, notes: dict[tuple[Kind, str, str, bool], Note]) -> str:
    """A token that no rule reads: words stay, line feeds are kept between paragraphs and taken out of sentences."""
    if token.shape is Shape.LINES:
        return "\n" if _parts_paragraphs(token, written) else " "
    if token.shape is Shape.LETTERS and not all(map(_is_latin, token.text)):
        said = Said(token.at + len(token.text), token.text, Kind.LETTERS, doubts.OTHER_SCRIPT)
        _tell(notes, said, token.text, token.text, token.at)
    return token.text


def _parts_paragraphs(token: Token, written: str) -> bool:
    """Whether a line feed parts paragraphs, and is no mere wrapping of a long line."""
    before = written[max(0, token.at - 3) : token.at].rstrip()[-1:]
    end = token.at + len(token.text)
    after = written[end : end + 4].lstrip()[:1]
    return token.text.count("\n") > 1 or before in {".", "?", "!", ":", ";", ""} or not after.islower()


def _is_latin(letter: str) -> bool:
    return letter < _LATIN_END or _LATIN_MORE[0] <= letter <= _LATIN_MORE[1] or not letter.isalpha()


def _tell(notes: dict[tuple[Kind, str, str, bool], Note], said: Said, written: str, spoken: str, start: int) -> None:
    """One note for everything that is written and read alike."""
    key = (said.kind, written, spoken, said.doubt is not None)
    known = notes.get(key)
    if known is not None:
        notes[key] = replace(known, count=known.count + 1)
        return
    vi, en = _words(written, spoken, said.doubt)
    notes[key] = Note(said.kind, written, spoken, start, said.doubt is not None, vi, en)


def _words(written: str, spoken: str, doubt: Doubt | None) -> tuple[str, str]:
    vi = f"“{written}” đọc là “{spoken}”." if spoken else f"“{written}” không đọc."
    en = f"“{written}” is read “{spoken}”." if spoken else f"“{written}” is not read."
    return (f"{vi} {doubt.vi}", f"{en} {doubt.en}") if doubt else (vi, en)
