"""What units decide on machine voices, on both databases."""

from collections.abc import AsyncIterator

import pytest

from controller.speech import service, store
from controller.speech.config import SpeechConfig
from controller.speech.errors import PronunciationsFull, PronunciationUnknown, ReadingRefused
from controller.speech.service import Choice
from controller.speech.tables import Pronunciation
from controller.units.service import UnitUnknown
from tests.fakes.commune import COMMUNE, Commune, commune

DEFAULTS = SpeechConfig(speed=0.9, pause_ms=600)


@pytest.fixture
async def xa(database: str) -> AsyncIterator[Commune]:
    async with commune(database) as made:
        yield made


async def test_the_nearest_units_word_counts_and_a_later_one_replaces_it(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        for unit, written, spoken in (
            ("tinh", "ATK", "a tê ca"),
            (COMMUNE, "ATK", "nhầm"),
            (COMMUNE, "ATK", "át ca"),
            ("tinh", "Nậm Pồ", "nậm pồ"),
        ):
            await service.pronounce(session, unit, written, spoken, made_by=None, now=xa.clock.now())

    async with xa.db.reading() as session:
        found = [await service.lexicon(session, unit) for unit in (COMMUNE, "tinh", None)]

    assert found == [{"ATK": "át ca", "Nậm Pồ": "nậm pồ"}, {"ATK": "a tê ca", "Nậm Pồ": "nậm pồ"}, {}]


async def test_a_word_that_is_taken_out_gives_way_to_the_one_above(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        for unit, spoken in (("tinh", "a tê ca"), (COMMUNE, "át ca")):
            await service.pronounce(session, unit, "ATK", spoken, made_by=None, now=xa.clock.now())

    async with xa.db.transaction() as session:
        await service.unlearn(session, COMMUNE, "ATK")
    async with xa.db.transaction() as session:
        left = await service.lexicon(session, COMMUNE)
        with pytest.raises(PronunciationUnknown):
            await service.unlearn(session, COMMUNE, "ATK")

    assert left == {"ATK": "a tê ca"}


async def test_a_word_is_composed_and_one_line_before_it_is_kept(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        row = await service.pronounce(session, COMMUNE, "Na\u0323m", "na\u0323m", made_by=None, now=xa.clock.now())
        with pytest.raises(ReadingRefused):
            await service.pronounce(session, COMMUNE, "một\nhai", "ba", made_by=None, now=xa.clock.now())
        with pytest.raises(UnitUnknown):
            await service.pronounce(session, "khong-co", "một", "ba", made_by=None, now=xa.clock.now())

    assert (row.written, row.spoken) == ("Nạm", "nạm")


async def test_a_full_list_takes_no_new_word_but_a_better_reading(xa: Commune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_WORDS", 3)
    now = xa.clock.now()
    async with xa.db.transaction() as session:
        session.add_all(
            Pronunciation(unit_id=COMMUNE, written=f"từ {n}", spoken="x", made_by=None, made_at=now) for n in range(3)
        )

    async with xa.db.transaction() as session:
        await service.pronounce(session, COMMUNE, "từ 1", "y", made_by=None, now=now)
        await service.pronounce(session, "tinh", "từ khác", "y", made_by=None, now=now)
        with pytest.raises(PronunciationsFull):
            await service.pronounce(session, COMMUNE, "từ khác", "y", made_by=None, now=now)
        held = await store.count(session, COMMUNE)

    assert held == 3


async def test_the_nearest_units_choice_counts_and_what_it_leaves_open_is_as_ever(xa: Commune) -> None:
    async def choose(unit: str, voices: list[str], speed: float | None, pause_ms: int | None) -> None:
        async with xa.db.transaction() as session:
            await service.choose(
                session, unit, voices=voices, speed=speed, pause_ms=pause_ms, made_by=None, now=xa.clock.now()
            )

    async def holds() -> Choice:
        async with xa.db.reading() as session:
            return await service.choice(session, COMMUNE, DEFAULTS)

    nobody = await holds()
    await choose("tinh", ["espeak/vi-south", "espeak/vi-south"], None, 200)
    above = await holds()
    await choose(COMMUNE, [], 1.2, None)
    await choose(COMMUNE, ["piper/lan"], 1.3, None)
    own = await holds()
    async with xa.db.transaction() as session:
        await store.forget_choice(session, COMMUNE)

    assert nobody == Choice((), 0.9, 600)
    assert above == Choice(("espeak/vi-south",), 0.9, 200, "tinh") == await holds()
    assert own == Choice(("piper/lan",), 1.3, 600, COMMUNE)


async def test_what_is_asked_for_goes_before_what_the_unit_chose(xa: Commune) -> None:
    async with xa.db.transaction() as session:
        await service.choose(
            session, COMMUNE, voices=["piper/lan"], speed=1.3, pause_ms=200, made_by=None, now=xa.clock.now()
        )
        wanted = await service.speaking(
            session, DEFAULTS, "Xin chào", language="vi", unit_id=COMMUNE, voice="espeak/vi", speed=0.7
        )

    assert (wanted.spoken.speed, wanted.spoken.pause_ms) == (0.7, 200)
    assert (wanted.wish.wanted, wanted.wish.preferred) == ("espeak/vi", ("piper/lan",))
    assert service.understood(wanted.told()) == wanted
