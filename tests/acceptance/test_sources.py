"""A province drops bulletins into a folder: real processes from the file to the sound and back, and through kills."""

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from tests.acceptance.rig import COMMUNE, System, bursts, captured, make_tone, wait_for
from tests.fakes.source_folder import bulletin, drop, result, soon

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

CODE = "25747-9"
POINTS = (
    "controller.source.before_commit",
    "controller.source.after_commit",
    "controller.source.reported",
    "controller.job.claimed",
    "controller.job.before_commit",
    "controller.job.after_commit",
    "controller.source.carried",
)
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
            client.post("/units", {"id": "thon", "name": "Thôn", "kind": "village", "parent_id": COMMUNE, "code": CODE})
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

        found: dict[str, Any] = wait_for(reached, f"{key} is final; now {result(self.drops, key)}")
        return found


def test_a_dropped_bulletin_sounds_and_its_result_comes_back(tmp_path: Path) -> None:
    with Province(tmp_path) as province:
        province.system.add_agent("loa-1", unit="thon")
        province.system.add_agent("bang-1", kind="board", unit="thon")
        province.system.wait_ready()
        make_tone(province.drops / "tin.wav", seconds=TONE_S)
        wanted = {"areas": [CODE], "when": {"kind": "now"}, "audio": {"file": "tin.wav"}, "show_s": 2, "late_s": 30}
        drop(province.drops, "tin", bulletin(id="TIN-1", **wanted))
        drop(province.drops, "cho", bulletin(id="TIN-2", areas=[CODE], when={"kind": "at", "at": soon(hours=1)}))
        drop(province.drops, "hong", b"{")

        told = province.final("tin")

        assert told["state"] == "done"
        assert told["outcomes"] == {
            "board": {"expected": 1, "waiting": 0, "played": 1},
            "speaker": {"expected": 1, "waiting": 0, "played": 1},
        }
        assert {one["id"]: one["outcome"] for one in told["devices"]} == {"loa-1": "played", "bang-1": "played"}
        assert len(bursts(captured(province.system.capture("loa-1")))) == 1
        assert province.told("hong", "refused")["error"]["code"] == "source_malformed"

        (province.drops / "cho.withdraw").touch()
        assert province.told("cho", "withdrawn")["broadcasts"][0]["cancelled_at"] is not None
        assert len(province.system.client.get("/broadcasts")) == 2
        items = province.system.client.get("/sources/htttn/items")
        assert {item["item_id"] for item in items} == {"TIN-1", "TIN-2"}


def test_an_item_survives_a_kill_at_every_point_of_its_way_and_sounds_once(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    hits: Counter[str] = Counter()
    with Province(tmp_path) as province:
        system = province.system
        system.add_agent("loa-1", unit="thon")
        system.wait_ready()
        system.controller.kill()
        make_tone(province.drops / "tin.wav", seconds=TONE_S)
        drop(
            province.drops,
            "tin",
            bulletin(areas=[CODE], when={"kind": "now"}, audio={"file": "tin.wav"}, text=None, late_s=600),
        )
        for point in POINTS:
            system.controller.start(LOA_FAILPOINT=point)
            _await_death(system, point)
            hits[point] += 1
        system.start_controller()

        told = province.final("tin")

        tell(f"one source item through {sum(hits.values())} kills: {told['outcomes']}")
        assert told["outcomes"] == {"speaker": {"expected": 1, "waiting": 0, "played": 1}}
        assert len(system.client.get("/broadcasts")) == 1
        assert len(system.client.get("/media")) == 1
        assert len(bursts(captured(system.capture("loa-1")))) == 1
        wait_for(lambda: not _left(system), "nothing of the job is left")


def test_a_sound_taken_in_while_the_controller_is_killed_becomes_one_asset(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Province(tmp_path) as province:
        system = province.system
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
        assert [asset["id"] for asset in system.client.get("/media")] == [found["asset_id"]]
        assert children
        wait_for(lambda: not _left(system), "nothing of the job is left")
        tell(f"a job killed at {before:.0%} was done by its second attempt")


def _await_death(system: System, point: str) -> None:
    try:
        system.controller.wait_dead(30)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{point} was not reached:\n{system.controller.tail()}") from None


def _left(system: System) -> list[Path]:
    return [path for name in ("spool", "intake") for path in (system.data_dir / name).iterdir()]


def _media_children(system: System) -> list[psutil.Process]:
    family = psutil.Process(system.controller.pid).children(recursive=True)
    return [child for child in family if "media" in " ".join(child.cmdline())]
