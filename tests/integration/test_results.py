"""Results as people are told them: for their devices alone, what needs somebody first, tried again where it helps."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from controller.broadcasts.tables import BroadcastRow, BroadcastScope, LedgerRow
from controller.delivery.tables import PendingTopic
from controller.people.acting import HEADER
from controller.people.rules import Role as Holds
from controller.receipts import service as ledger
from controller.results import tallying
from controller.units import service as units
from tests.fakes.commune import COMMUNE, Commune, commune
from tests.fakes.roles import take_in
from tests.integration.test_today import answering

OTHER = "xa-khac"
ANSWERS = {
    "loa-1": ("played", None),
    "loa-2": ("failed", "output_failed"),
    "loa-3": ("skipped", "policy"),
    "loa-4": ("unknown", "no_answer"),
    "kia-1": ("failed", "player_died"),
}


@dataclass
class Land:
    """Two communes of a province; who watches which."""

    xa: Commune
    client: httpx.AsyncClient
    lan: str
    tinh: str
    thon: str

    async def get(self, who: str, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.client.get(path, params=params, headers={HEADER: who})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def over(self, answers: dict[str, tuple[str, str | None]], **asked: object) -> str:
        """A broadcast to the whole province that is over, closed and counted."""
        made = await self.xa.broadcast(**{"to": ["u-tinh"], **asked})
        self.xa.clock.move(minutes=2)
        async with self.xa.db.transaction() as session:
            await ledger.tick(session, self.xa.clock.now())
            for device, (outcome, reason) in answers.items():
                row = await session.get_one(LedgerRow, (made, device))
                row.outcome, row.reason = outcome, reason
        return made

    async def close(self, *made: str) -> None:
        async with self.xa.db.transaction() as session:
            for one in made:
                (await session.get_one(BroadcastRow, one)).closed_at = self.xa.clock.now()
        await self.xa.db.attempt(lambda session: tallying.tally(session, self.xa.clock.now()))


@asynccontextmanager
async def land(
    database: str, folder: Path, devices: Sequence[str] = ("loa-1", "loa-2", "loa-3")
) -> AsyncIterator[Land]:
    async with commune(database, devices) as xa:
        async with xa.db.transaction() as session:
            await units.create(session, unit_id=OTHER, name="Xã Khác", kind="commune", parent_id="tinh")
            await units.create(session, unit_id="thon", name="Thôn Đông", kind="village", parent_id=COMMUNE)
            await xa.register(session, "loa-4", "thon")
            await xa.register(session, "kia-1", OTHER)
            now = xa.clock.now()
            lan = await take_in(session, "Lan", COMMUNE, Holds.OPERATOR, now=now)
            tinh = await take_in(session, "Tỉnh", "tinh", Holds.MONITOR, now=now)
            thon = await take_in(session, "Thôn", COMMUNE, Holds.MONITOR, at="thon", now=now)
        async with answering(database, folder / "controller", xa.clock) as client:
            yield Land(xa, client, lan, tinh, thon)


async def test_everybody_is_told_of_their_own_devices_alone_counted_or_not(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        made = await here.over(ANSWERS)
        fresh = {who: (await here.get(who, "/results"))["items"] for who in (here.lan, here.tinh, here.thon)}
        await here.close(made)
        counted = {who: (await here.get(who, "/results"))["items"] for who in (here.lan, here.tinh, here.thon)}
        of_other = await here.client.get("/results", params={"unit": OTHER}, headers={HEADER: here.lan})
        of_one = await here.get(here.tinh, "/results", unit=OTHER)

    for told in (fresh, counted):
        assert told[here.lan][0]["outcomes"] == {"failed": 1, "played": 1, "skipped": 1, "unknown": 1}
        assert told[here.tinh][0]["expected"] == 5
        assert told[here.thon][0]["outcomes"] == {"unknown": 1}
    assert of_other.status_code == 404
    assert of_one["items"][0]["outcomes"] == {"failed": 1}


async def test_results_are_paged_and_picked_the_latest_first(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        well = dict.fromkeys(ANSWERS, ("played", None))
        made = [await here.over(ANSWERS if number % 2 else well, title=f"Tin {number}") for number in range(5)]
        await here.close(*made[:4])
        first = await here.get(here.tinh, "/results", limit=2)
        rest: list[dict[str, Any]] = []
        page = first
        while page["before"]:
            page = await here.get(here.tinh, "/results", limit=2, before=page["before"], before_id=page["before_id"])
            rest += page["items"]
        wrong = await here.get(here.tinh, "/results", kind="wrong")
        other_day = await here.get(here.tinh, "/results", day="2026-11-20")
        today = await here.get(here.tinh, "/results", day="2026-11-21")

    listed = [one["id"] for one in (*first["items"], *rest)]
    assert listed == made[::-1]
    assert [one["id"] for one in wrong["items"]] == [made[3], made[1]]
    assert (len(other_day["items"]), len(today["items"])) == (0, 5)


async def test_a_broadcast_is_told_device_by_device_with_faults_first(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        made = await here.over(ANSWERS)
        whole = await here.get(here.lan, f"/broadcasts/{made}/results", limit=2)
        after = await here.get(here.lan, f"/broadcasts/{made}/results", limit=2, after=whole["after"])
        found = await here.get(here.lan, f"/broadcasts/{made}/results", q="LOA 4")
        wrong = await here.get(here.lan, f"/broadcasts/{made}/results", kind="wrong")

    assert [one["device_id"] for one in (*whole["devices"], *after["devices"])] == ["loa-2", "loa-3", "loa-4", "loa-1"]
    assert after["after"] is None
    assert whole["expected"] == 4
    assert [one["device_id"] for one in found["devices"]] == ["loa-4"]
    assert found["devices"][0]["place"] == ["Thôn Đông", "Xã An Bình"]
    assert {one["device_id"] for one in wrong["devices"]} == {"loa-2", "loa-3"}
    assert whole["devices"][0]["way"] == {
        "sent": "done",
        "received": "done",
        "content": "not_needed",
        "began": "not_done",
        "played": "not_done",
    }
    assert found["devices"][0]["way"]["received"] == "not_known"


async def test_another_try_goes_to_those_that_failed_and_no_further(database: str, tmp_path: Path) -> None:
    async with land(database, tmp_path) as here:
        own = {device: said for device, said in ANSWERS.items() if device != "kia-1"}
        wide = await here.over(ANSWERS)
        above = await here.get(here.lan, f"/broadcasts/{wide}/results")
        made = await here.over(own, to=[f"u-{COMMUNE}"])
        early = await here.client.post(f"/broadcasts/{made}/retry", headers={HEADER: here.lan})
        await here.close(made)
        told = await here.get(here.lan, f"/broadcasts/{made}/results")
        watched = await here.client.post(f"/broadcasts/{made}/retry", headers={HEADER: here.tinh})
        done = await here.client.post(f"/broadcasts/{made}/retry", headers={HEADER: here.lan})
        twice = await here.client.post(f"/broadcasts/{made}/retry", headers={HEADER: here.lan})
        async with here.xa.db.reading() as session:
            again = await session.get_one(BroadcastRow, done.json()["id"])
            scopes = (
                await session.scalars(select(BroadcastScope.scope).where(BroadcastScope.broadcast_id == again.id))
            ).all()
            wanted = (await session.scalars(select(PendingTopic.topic))).all()
        here.xa.clock.move(minutes=3)
        async with here.xa.db.transaction() as session:
            await ledger.tick(session, here.xa.clock.now())
            (await session.get_one(LedgerRow, (again.id, "loa-2"))).outcome = "played"
            (await session.get_one(BroadcastRow, again.id)).closed_at = here.xa.clock.now()
        mended = await here.get(here.lan, f"/broadcasts/{made}/results")
        here.xa.clock.move(hours=13)
        late = await here.get(here.lan, f"/broadcasts/{made}/results")

    assert above["retry"]["why_not"]["word"] == "not_yours"
    assert early.json()["code"] == "retry_refused"
    assert told["retry"] == {"devices": 1, "why_not": None}
    assert watched.json()["code"] == "not_allowed"
    assert done.status_code == 201
    assert scopes == ["d-loa-2"]
    assert any("d-loa-2" in topic for topic in wanted)
    assert (again.retry_of, again.title) == (made, told["title"])
    assert twice.json()["details"]["why"] == "under_way"
    assert [one["outcomes"] for one in mended["again"]] == [{"played": 1}]
    assert mended["retry"]["why_not"]["word"] == "nobody"
    assert late["retry"]["why_not"]["word"] == "nobody"
