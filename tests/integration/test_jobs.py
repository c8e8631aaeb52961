"""Background jobs against the real controller: progress, cancelling, leases, quotas, and one asset whatever happens."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from controller.access.may import May
from controller.jobs import store
from controller.jobs.kinds import Order, Progress
from controller.jobs.rules import MOST_ATTEMPTS
from controller.jobs.spool import Spool
from controller.jobs.worker import Worker
from controller.media import store as media
from controller.media.pyav_intake import PyAvIntake
from controller.people.acting import TOKEN
from loa_protocol.errors import LoaError
from tests.acceptance.rig import make_tone
from tests.fakes.job_house import ASYNC, HANGS, House, housed
from tests.fakes.running_controller import eventually


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path) as made:
        yield made


@pytest.fixture
async def either_house(tmp_path: Path, database: str) -> AsyncIterator[House]:
    """Once on SQLite, once on PostgreSQL."""
    async with housed(tmp_path, database_url=database) as made:
        yield made


@pytest.fixture
async def small_house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path, upload_max_bytes=200_000, spool_quota_bytes=300_000, jobs_waiting=2) as made:
        yield made


def _hanging(house: House) -> None:
    """From now on every job hangs in a real child process."""
    intake = PyAvIntake(command=(sys.executable, "-c", HANGS))
    house.controller.library = replace(house.controller.library, intake=intake)
    kinds = house.controller._worker._kinds  # type: ignore[union-attr]
    shelved = kinds["intake"]
    kinds["intake"] = replace(shelved, kind=replace(shelved.kind, library=house.controller.library))


async def test_a_caller_who_does_not_wait_gets_a_job_that_becomes_a_sound(house: House) -> None:
    tone = make_tone(house.folder / "tin.wav", seconds=5.0)

    accepted = await house.hand_in(tone, **ASYNC)

    assert accepted.status_code == 202
    assert accepted.headers["Location"] == f"/api/v1/jobs/{accepted.json()['id']}"
    job = await house.state(accepted.json()["id"], "done", "failed")
    assert (job["state"], job["progress"], job["attempts"]) == ("done", 1.0, 1)
    assert [asset["id"] for asset in await house.assets()] == [job["asset_id"]]
    await house.clean()


async def test_a_caller_who_waits_gets_the_sound_or_the_reason(house: House) -> None:
    tone = make_tone(house.folder / "tin.wav", seconds=1.0)
    (house.folder / "ds.m3u8").write_bytes(b"#EXTM3U\nhttp://127.0.0.1:9/a.ts\n")

    fine, refused = await house.hand_in(tone), await house.hand_in(house.folder / "ds.m3u8")

    assert (fine.status_code, fine.json()["title"]) == (201, "tin")
    assert (refused.status_code, refused.json()["code"]) == (422, "media_format_refused")
    jobs = (await house.api.get("/jobs")).json()
    assert [(job["state"], (job["error"] or {}).get("code")) for job in jobs] == [
        ("failed", "media_format_refused"),
        ("done", None),
    ]
    assert jobs[0]["error"]["message"] == refused.json()["detail"]
    await house.clean()


async def test_progress_never_goes_back_and_is_told_as_it_happens(house: House) -> None:
    tone = make_tone(house.folder / "tin.wav", seconds=60.0)
    told: list[dict[str, Any]] = []
    async with house.controller.changes.subscribe() as changes:
        job_id = (await house.hand_in(tone, **ASYNC)).json()["id"]
        async for change in changes:
            if change.kind == "job":
                told.append(dict(change.data))
            if change.data.get("state") in {"done", "failed"}:
                break

    seen = [one["progress"] for one in told]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= 4, f"only {seen} was told of a minute of sound"
    assert (await house.job(job_id))["progress"] == 1.0


async def test_cancelling_a_running_job_kills_its_child_and_leaves_nothing(house: House) -> None:
    _hanging(house)
    job_id = (await house.hand_in(make_tone(house.folder / "tin.wav"), **ASYNC)).json()["id"]
    child = await house.child()

    answer = await house.api.delete(f"/jobs/{job_id}")

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert not psutil.pid_exists(child.pid)
    assert house.left() == []
    assert house.objects() == []
    assert await house.assets() == []
    assert (await house.api.delete(f"/jobs/{job_id}")).json()["state"] == "cancelled"


async def test_a_job_that_waits_is_cancelled_without_ever_running(house: House) -> None:
    _hanging(house)
    first, second = [
        (await house.hand_in(make_tone(house.folder / f"{hz}.wav", hz=hz), **ASYNC)).json()["id"] for hz in (500, 600)
    ]
    await house.child()

    assert (await house.api.delete(f"/jobs/{second}")).json()["state"] == "cancelled"
    assert (await house.job(second))["attempts"] == 0
    await house.api.delete(f"/jobs/{first}")
    assert house.left() == []


async def test_somebody_who_waits_for_a_cancelled_job_is_told_so(house: House) -> None:
    _hanging(house)
    waiting = asyncio.create_task(house.hand_in(make_tone(house.folder / "tin.wav")))
    await house.child()
    (job,) = (await house.api.get("/jobs")).json()
    await house.api.delete(f"/jobs/{job['id']}")

    answer = await waiting

    assert (answer.status_code, answer.json()["code"]) == (409, "job_cancelled")


async def test_an_ended_job_cannot_be_cancelled(house: House) -> None:
    job = (await house.hand_in(make_tone(house.folder / "tin.wav"))).headers["Location"].rpartition("/")[2]

    answer = await house.api.delete(f"/jobs/{job}")
    unknown = await house.api.delete("/jobs/khong-co")

    assert (answer.status_code, answer.json()["code"]) == (409, "job_over")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "job_unknown")


async def test_an_upload_repeated_with_its_key_is_one_job(house: House) -> None:
    tone = make_tone(house.folder / "tin.wav")

    answers = [await house.hand_in(tone, **ASYNC, **{"Idempotency-Key": "k-1"}) for _ in range(3)]
    waited = await house.hand_in(tone, **{"Idempotency-Key": "k-1"})
    other = await house.hand_in(make_tone(house.folder / "khac.wav", hz=300), **{"Idempotency-Key": "k-1"})

    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]
    assert waited.status_code == 201
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert len((await house.api.get("/jobs")).json()) == 1
    await house.clean()


async def test_the_same_file_twice_is_one_sound(house: House) -> None:
    tone = make_tone(house.folder / "tin.wav")

    first, second = await house.hand_in(tone), await house.hand_in(tone)

    assert first.json()["id"] == second.json()["id"]
    assert len(await house.assets()) == 1


async def test_what_does_not_fit_is_refused_and_leaves_nothing(small_house: House) -> None:
    _hanging(small_house)
    small, second, third = [make_tone(small_house.folder / f"{hz}.wav", hz=hz, seconds=1.5) for hz in (300, 400, 500)]
    large = make_tone(small_house.folder / "to.wav", seconds=3.0)

    too_large = await small_house.hand_in(large, **ASYNC)
    first = await small_house.hand_in(small, **ASYNC)
    await small_house.hand_in(second, **ASYNC)
    full = await small_house.hand_in(third, **ASYNC)

    assert (too_large.status_code, too_large.json()["code"]) == (413, "media_too_large")
    assert first.status_code == 202
    assert (full.status_code, full.json()["code"]) in {(507, "spool_full"), (503, "jobs_full")}
    spooled = list((small_house.controller.settings.data_dir / "spool").iterdir())
    assert len(spooled) == 2


async def test_too_many_waiting_jobs_are_refused(small_house: House) -> None:
    _hanging(small_house)
    tones = [make_tone(small_house.folder / f"{hz}.wav", hz=hz, seconds=0.2) for hz in (300, 400, 500)]

    answers = [await small_house.hand_in(tone, **ASYNC) for tone in tones]

    assert [answer.status_code for answer in answers] == [202, 202, 503]
    assert answers[-1].json()["code"] == "jobs_full"


FORM = "multipart/form-data; boundary=b"
TITLE = b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n%b\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'
UNREADABLE = {
    "no boundary": ("multipart/form-data", b"x"),
    "no form": (FORM, b"x"),
    "cut off": (FORM, FILE),
    "two files": (FORM, FILE + FILE + b"--b--\r\n"),
    "no file": (FORM, TITLE % b"x" + b"--b--\r\n"),
    "long field": (FORM, TITLE % (b"x" * 5000) + FILE + b"--b--\r\n"),
    "many fields": (FORM, TITLE % b"x" * 11 + FILE + b"--b--\r\n"),
}


async def test_a_form_that_cannot_be_read_is_refused(house: House) -> None:
    answers = {
        what: (await house.api.post("/media", content=body, headers={"Content-Type": kind})).json()["code"]
        for what, (kind, body) in UNREADABLE.items()
    }

    assert answers == dict.fromkeys(UNREADABLE, "upload_unreadable")
    assert house.left() == []


async def test_a_bare_body_is_taken_in_under_the_name_given(house: House) -> None:
    tone = make_tone(house.folder / "tin.wav")

    answer = await house.api.post(
        "/media",
        params={"file_name": "../../Tin sáng.wav"},
        content=tone.read_bytes(),
        headers={"Content-Type": "audio/wav"},
    )

    assert (answer.status_code, answer.json()["title"]) == (201, "Tin sáng")


class Sleeper:
    """A kind of job that holds on until it is let go; it counts who is in it."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.inside = 0
        self.most = 0
        self.runs = 0
        self.fails: LoaError | Exception | None = None
        self.discarded: list[str] = []

    async def run(self, order: Order, folder: Path, progress: Progress) -> "Slept":
        self.runs += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        (folder / "cua-toi").write_text(order.id)
        try:
            progress(0.5)
            if self.fails is not None:
                raise self.fails
            await self.free.wait()
        finally:
            self.inside -= 1
        return Slept(self, order.id)


@dataclass
class Slept:
    kind: Sleeper
    job_id: str

    async def record(self, session: object) -> None:
        assert session is not None

    async def discard(self) -> None:
        self.kind.discarded.append(self.job_id)


@dataclass
class Crew:
    """Workers over one database, as several processes would be."""

    house: House
    kind: Sleeper = field(default_factory=Sleeper)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def worker(self, lease_s: float = 20) -> Worker:
        controller, data = self.house.controller, self.house.controller.settings.data_dir
        made = Worker(
            db=controller.db,
            clock=controller.clock,
            changes=controller.changes,
            spool=Spool(data / "spool", most_bytes=1000, quota_bytes=1000),
            kinds={"sleep": self.kind},
            folder=data / "intake",
            slots=1,
            lease_s=lease_s,
        )
        self.tasks.append(asyncio.create_task(made.run()))
        return made

    async def job(self) -> str:
        controller = self.house.controller
        async with controller.db.transaction() as session:
            from controller.jobs import service

            row = await service.submit(
                session, job_id="viec-1", kind="sleep", title="Ngủ", given={}, requested_by="thu",
                now=controller.clock.now(), most_waiting=10,
            )  # fmt: skip
        return row.id


@pytest.fixture
async def crew(either_house: House) -> AsyncIterator[Crew]:
    made = Crew(either_house)
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


async def test_two_workers_never_run_one_job(crew: Crew) -> None:
    for _ in range(4):
        crew.worker()
    job = await crew.job()
    await crew.house.state(job, "running")
    crew.kind.free.set()

    await crew.house.state(job, "done")

    assert (crew.kind.runs, crew.kind.most) == (1, 1)


async def test_a_job_whose_worker_stood_still_is_taken_up_again_and_ends_once(crew: Crew) -> None:
    crew.worker()
    job = await crew.job()
    await crew.house.state(job, "running")
    stalled = crew.tasks[0]
    first = crew.kind
    crew.kind = Sleeper()
    async with crew.house.controller.db.transaction() as session:  # as if its process had died: the lease runs out
        row = await store.locked(session, job)
        assert row is not None
        row.lease_until = crew.house.clock.now() - timedelta(seconds=1)
        row.lease_owner = "nguoi-da-chet"
    crew.worker()
    await eventually(lambda: _is(lambda: crew.kind.inside == 1), "another worker has it")
    first.free.set()
    crew.kind.free.set()

    ended = await crew.house.state(job, "done")

    assert ended["attempts"] == 2
    assert first.discarded == [job] or first.inside == 0
    assert not stalled.done()


async def test_cancelling_from_another_process_ends_the_work_soon(crew: Crew) -> None:
    crew.worker()
    job = await crew.job()
    await crew.house.state(job, "running")

    await crew.house.api.delete(f"/jobs/{job}")

    await eventually(lambda: _is(lambda: crew.kind.inside == 0), "the work has ended", 5)
    await crew.house.clean()
    assert (await crew.house.job(job))["state"] == "cancelled"


async def test_a_worker_that_ends_gives_its_job_back_without_counting(crew: Crew) -> None:
    crew.worker()
    job = await crew.job()
    await crew.house.state(job, "running")

    crew.tasks[0].cancel()
    await asyncio.gather(*crew.tasks, return_exceptions=True)

    found = await crew.house.job(job)
    assert (found["state"], found["attempts"]) == ("queued", 0)
    assert crew.house.left() == []


async def test_a_job_that_kills_every_process_is_given_up(crew: Crew) -> None:
    job = await crew.job()
    for _ in range(MOST_ATTEMPTS):
        async with crew.house.controller.db.transaction() as session:
            claim, _ = await store.claim(
                session, owner="chet", now=crew.house.clock.now(), lease=timedelta(seconds=-1), kinds=["sleep"]
            )
        assert claim is not None
    crew.worker()

    ended = await crew.house.state(job, "failed")

    assert ended["error"]["code"] == "job_gave_up"
    assert crew.kind.runs == 0


async def test_a_fault_of_ours_is_tried_again_and_told_in_the_end(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.jobs.worker.AGAIN_S", 0.0)
    monkeypatch.setattr("controller.jobs.worker.POLL_S", 0.05)
    crew.kind.fails = RuntimeError("hỏng")
    crew.worker()

    ended = await crew.house.state(await crew.job(), "failed")

    assert (ended["error"]["code"], ended["attempts"], crew.kind.runs) == ("job_failed", MOST_ATTEMPTS, MOST_ATTEMPTS)


async def test_what_a_dead_process_left_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "controller"
    for left in ("spool/viec-mat", "intake/viec-mat-1/work/nua.opus"):
        (data / left).parent.mkdir(parents=True, exist_ok=True)
        (data / left).write_bytes(b"x" * 1000)

    async with housed(tmp_path) as house:
        await eventually(lambda: _is(lambda: house.left() == []), "left-overs are gone")


async def test_a_file_on_its_way_in_is_not_taken_for_a_left_over(house: House) -> None:
    spool = house.controller.spool

    async def nobody(_job: str) -> bool:
        return False

    async with spool.receiving("dang-nhan") as incoming:
        await incoming.write(b"x" * 1000)
        swept = await spool.sweep(nobody)
        there = spool.path("dang-nhan").exists()

    assert (swept, there) == (0, True)
    assert not spool.path("dang-nhan").exists()


async def test_job_events_reach_a_watcher_of_that_job_only(house: House) -> None:
    from controller.api.events import Seeing, events

    everything = Seeing(house.controller, _same, May(house.controller.db.reading, TOKEN, (), date(2026, 11, 21)))
    stream = events(house.controller, everything, job="viec-2")
    assert (await anext(stream)).event == "hello"
    for job in ("viec-1", "viec-2"):
        house.controller.changes.publish("job", {"job_id": job, "state": "running"})
    house.controller.changes.publish("ledger", {"broadcast_id": "x"})

    event = await anext(stream)

    assert (event.event, json.loads(json.dumps(event.data))["job_id"]) == ("job", "viec-2")
    await stream.aclose()


async def _same(may: May) -> May:
    return may


async def _is(done: Any) -> bool:
    return bool(done())


async def test_objects_of_a_job_lost_in_the_last_moment_are_taken_back(house: House) -> None:
    tone = make_tone(house.folder / "tin.wav")
    prepared = await house.controller.library.prepare(tone, "0" * 64, "Thử", house.folder / "viec")
    assert len(house.objects()) == len(prepared.kept) > 0

    await house.controller.library.discard(prepared)

    assert house.objects() == []
    async with house.controller.db.reading() as session:
        assert list(await media.newest(session, 1)) == []
