"""A province drops bulletins into a folder: real processes from the file to the sound and back, and through kills."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from tests.acceptance.rig import COMMUNE, System, bursts, captured, make_tone, wait_for
from tests.fakes.source_folder import bulletin, drop, result, soon

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

CODE, BOARDS = "25747-9", "25747-8"
POINTS = (
    "controller.source.before_commit",
    "controller.source.after_commit",
    "controller.source.reported",
    "controller.job.claimed",
    "controller.job.before_commit",
    "controller.job.after_commit",
    "controller.source.carried",
)
USUALLY = frozenset(POINTS) - {
    "controller.source.before_commit",
    "controller.source.reported",
    "controller.job.claimed",
}
"""The others have their turn with --long."""
TONE_S = 1.2


class Province:
    """A system with a source folder, one loudspeaker and one board in the unit the source speaks to."""

    def __init__(self, folder: Path) -> None:
        self.drops = folder / "htttn"
        self.drops.mkdir(parents=True)
        listed = folder / "sources.yaml"
        listed.write_text(
            f"sources:\n- name: htttn\n  dialect: folder\n  path: {self.drops}\n  unit: {COMMUNE}\n"
            "  poll_s: 0.2\n  settle_s: 0.3\n  devices: true\n"
        )
        self.system = System(folder)
        self.system.controller.environment = {"LOA_SOURCES": str(listed), "LOA_JOB_LEASE_S": "1"}

    def __enter__(self) -> Self:
        try:
            self.system.start()
            client = self.system.client
            for unit, code in (("thon", CODE), ("cho", BOARDS)):
                village = {"id": unit, "name": unit, "kind": "village", "parent_id": COMMUNE, "code": code}
                client.post("/units", village)
        except BaseException:
            self.system.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.system.end()

    def told(self, key: str, *states: str, limit_s: float = 60.0) -> dict[str, Any]:
        """The result once its state is one of these."""

        def reached() -> dict[str, Any] | None:
            found = result(self.drops, key)
            return found if found is not None and found["state"] in states else None

        found: dict[str, Any] = wait_for(reached, f"{key} is {states}; now {result(self.drops, key)}", limit_s)
        return found

    def final(self, key: str) -> dict[str, Any]:
        """The result once nothing changes any more."""

        def reached() -> dict[str, Any] | None:
            found = result(self.drops, key)
            return found if found is not None and found["final"] else None

        found: dict[str, Any] = wait_for(reached, f"{key} is final; now {result(self.drops, key)}", 120)
        return found


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    """One for all tests here: each looks at its own items only."""
    with Province(tmp_path_factory.mktemp("tinh")) as made:
        made.system.add_agent("loa-1", unit="thon")
        made.system.add_agent("bang-1", kind="board", unit="cho")
        made.system.wait_ready()
        yield made


def test_a_dropped_bulletin_sounds_and_its_result_comes_back(province: Province) -> None:
    make_tone(province.drops / "tin.wav", seconds=TONE_S)
    wanted = {"areas": [CODE, BOARDS], "when": {"kind": "now"}, "audio": {"file": "tin.wav"}, "show_s": 2, "late_s": 30}
    drop(province.drops, "tin", bulletin(id="TIN-1", **wanted))
    drop(province.drops, "cho", bulletin(id="TIN-2", areas=[BOARDS], when={"kind": "at", "at": soon(hours=1)}))
    drop(province.drops, "hong", b"{")

    told = province.final("tin")

    assert told["state"] == "done"
    assert told["outcomes"] == {
        "board": {"expected": 1, "waiting": 0, "played": 1},
        "speaker": {"expected": 1, "waiting": 0, "played": 1},
    }
    assert {one["id"]: one["outcome"] for one in told["devices"]} == {"loa-1": "played", "bang-1": "played"}
    assert _count(province) == 1
    assert province.told("hong", "refused")["error"]["code"] == "source_malformed"

    (province.drops / "cho.withdraw").touch()
    withdrawn = province.final("cho")
    assert withdrawn["state"] == "withdrawn"
    assert withdrawn["broadcasts"][0]["cancelled_at"] is not None
    assert len(province.system.client.get("/broadcasts")) == 2
    items = province.system.client.get("/sources/htttn/items")
    assert {item["item_id"] for item in items} == {"TIN-1", "TIN-2"}


def test_an_item_survives_a_kill_at_every_point_of_its_way_and_sounds_once(
    province: Province, request: pytest.FixtureRequest, tell: Callable[[str], None]
) -> None:
    points = [point for point in POINTS if point in USUALLY or request.config.getoption("--long")]
    hits: Counter[str] = Counter()
    system = province.system
    sounds, assets = _count(province), len(system.client.get("/media"))
    broadcasts = len(system.client.get("/broadcasts"))
    system.controller.kill()
    for left in province.drops.iterdir():
        left.unlink()  # the points are to be reached by one item
    make_tone(province.drops / "giet.wav", seconds=TONE_S, hz=700)
    drop(
        province.drops,
        "giet",
        bulletin(id="GIET", areas=[CODE], when={"kind": "now"}, audio={"file": "giet.wav"}, text=None, late_s=600),
    )
    for point in points:
        system.controller.start(LOA_FAILPOINT=point)
        _await_death(system, point)
        hits[point] += 1
    system.start_controller()

    told = province.final("giet")

    tell(f"one source item through {sum(hits.values())} kills: {told['outcomes']}")
    assert told["outcomes"] == {"speaker": {"expected": 1, "waiting": 0, "played": 1}}
    assert len(system.client.get("/broadcasts")) == broadcasts + 1
    listed = [row for row in system.client.get("/bulletins") if row["source_ref"] == "htttn/GIET"]
    assert [(row["state"], row["revision"], row["approved_revision"]) for row in listed] == [("approved", 2, 2)]
    assert len(system.client.get(f"/bulletins/{listed[0]['id']}/placements")) == 1
    assert len(system.client.get("/media")) == assets + 1
    assert _count(province) == sounds + 1
    wait_for(lambda: not _left(system), "nothing of the job is left")


def test_a_sound_taken_in_while_the_controller_is_killed_becomes_one_asset(
    province: Province, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    system = province.system
    assets = {asset["id"] for asset in system.client.get("/media")}
    tone = make_tone(tmp_path / "dai.wav", seconds=60.0)
    with tone.open("rb") as opened:
        job = system.client.begin_upload(opened, tone.name)["id"]
    wait_for(lambda: system.client.get(f"/jobs/{job}")["progress"] > 0.1, "the sound is being taken in")
    before = system.client.get(f"/jobs/{job}")["progress"]
    children = _media_children(system)
    system.controller.kill()
    wait_for(lambda: not any(child.is_running() for child in children), "the child dies with it", 5)
    system.start_controller()
    seen = [before]

    def ended() -> bool:
        now = system.client.get(f"/jobs/{job}")
        seen.append(now["progress"])
        return now["state"] in {"done", "failed"}

    wait_for(ended, "the job ends", 90)
    found = system.client.get(f"/jobs/{job}")
    assert (found["state"], found["attempts"]) == ("done", 2)
    assert seen == sorted(seen)
    assert {asset["id"] for asset in system.client.get("/media")} - assets == {found["asset_id"]}
    assert children
    wait_for(lambda: not _left(system), "nothing of the job is left")
    tell(f"a job killed at {before:.0%} was done by its second attempt")


def _await_death(system: System, point: str) -> None:
    try:
        system.controller.wait_dead(60)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{point} was not reached:\n{system.controller.tail()}") from None


def _count(province: Province) -> int:
    """How often a tone sounded, by how long it was heard: where the machine stalls, one is heard in two parts."""
    heard = bursts(captured(province.system.capture("loa-1")))
    return round(sum(end - begin for begin, end in heard) / TONE_S)


def _left(system: System) -> list[Path]:
    return [path for name in ("spool", "intake") for path in (system.data_dir / name).iterdir()]


def _media_children(system: System) -> list[psutil.Process]:
    family = psutil.Process(system.controller.pid).children(recursive=True)
    return [child for child in family if "media" in " ".join(child.cmdline())]
