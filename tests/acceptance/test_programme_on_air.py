"""A programme put over the API is what real loudspeakers play at its hour, slots and all, each in its languages."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from loa_cli.commands import app
from tests.acceptance.rig import COMMUNE, System, bursts, captured, make_tone, running

pytestmark = pytest.mark.broker

VIETNAM = timedelta(hours=7)
AHEAD_S = 9
RATE = 48_000


VILLAGES = {"loa-1": (COMMUNE, ""), "loa-2": ("thon-mong", "Mông, vi"), "loa-3": ("thon-khmer", "tiếng Khmer")}
TONES = {"tin": (0.5, 500.0), "viet": (0.8, 700.0), "mong": (0.6, 1100.0)}
"""What waits, for everybody and in two languages: seconds and Hz."""
SPOKEN = {"loa-1": ["viet"], "loa-2": ["mong", "viet"], "loa-3": ["tin"]}


def test_a_programme_is_played_at_its_hour_in_the_languages_of_each_village(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        for device, (village, languages) in VILLAGES.items():
            if languages:
                told = ["--name", village, "--kind", "village", "--parent", COMMUNE, "--languages", languages]
                _loa(system, "unit", "add", village, *told)
            system.add_agent(device, unit=village)
        _loa(system, "unit", "set", COMMUNE, "--languages", "Việt")
        opening = system.client.upload(make_tone(tmp_path / "mo.wav", seconds=1.5), "Mở đầu")["id"]
        said = {
            name: system.client.upload(make_tone(tmp_path / f"{name}.wav", seconds=seconds, hz=hz), name)["id"]
            for name, (seconds, hz) in TONES.items()
        }
        system.wait_ready()
        item = {"unit": COMMUNE, "title": "Tin", "asset": said["tin"]}
        system.client.post("/slot-items", {**item, "variants": {"vi": said["viet"], "hmn": said["mong"]}})
        start = (datetime.now(UTC) + timedelta(seconds=AHEAD_S + 1)).replace(microsecond=0)
        segments = [
            {"kind": "content", "asset": opening, "duration_s": 2},
            {"kind": "pause", "duration_ms": 1000},
            {"kind": "bulletins", "title": "Tin của xã", "of": COMMUNE, "max_duration_s": 5},
        ]
        session = {"id": "thu", "title": "Buổi thử", "at": f"{start + VIETNAM:%H:%M:%S}", "segments": segments}
        document = {
            "format": "loa.programme.v1",
            "id": "chuong-trinh",
            "title": "Chương trình",
            "unit": COMMUNE,
            "valid_from": f"{start:%Y}-01-01",
            "sessions": [session],
        }
        saved = system.client.put("/programmes/chuong-trinh", {"document": document})
        listed = system.client.get("/broadcasts", {"programme": "chuong-trinh"})
        broadcast = min(listed, key=lambda row: row["start"])

        view = system.wait_closed(broadcast["id"])

        assert saved["urgent"]["connected"] == 3
        assert datetime.fromisoformat(broadcast["start"]) == start
        assert broadcast["duration_ms"] == pytest.approx(1000 * (1.5 + 1.0 + 0.6 + 0.8), abs=100)
        assert view["outcomes"] == {"played": 3}, json.dumps(view, indent=1)
        receipts = {row["device_id"]: row["receipt"] for row in view["rows"]}
        for device, spoken in SPOKEN.items():
            late = datetime.fromisoformat(receipts[device]["started"]) - start
            assert abs(late) < timedelta(milliseconds=300)
            _assert_heard(system.capture(device), spoken)
        _assert_roots({device: receipts[device]["roots"] for device in VILLAGES}, system)
        (scope,) = system.client.get("/programmes/chuong-trinh/reach")
        assert (scope["devices"], scope["hold"], scope["waiting"]) == (3, 3, False)


def _loa(system: System, *arguments: str) -> None:
    """Run a command of the operator."""
    address = ["--data-dir", str(system.data_dir), "--url", system.client.url]
    done = CliRunner().invoke(app, [*arguments, *address])
    assert done.exit_code == 0, done.output


def _assert_heard(folder: Path, spoken: list[str]) -> None:
    """The opening, a second of silence, and then these tones, one right after the other."""
    samples = captured(folder)
    opening, said = bursts(samples)
    assert opening[1] - opening[0] == pytest.approx(1.5, abs=0.15)
    assert said[0] - opening[1] == pytest.approx(1.0, abs=0.1)
    assert said[1] - said[0] == pytest.approx(sum(TONES[name][0] for name in spoken), abs=0.15)
    at_s = said[0]
    for seconds, hz in (TONES[name] for name in spoken):
        middle = samples[int((at_s + 0.2) * RATE) : int((at_s + seconds - 0.2) * RATE)]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
        assert np.argmax(spectrum) * RATE / middle.size == pytest.approx(hz, abs=25)
        at_s += seconds


def _assert_roots(roots: dict[str, list[str]], system: System) -> None:
    """Receipts name what sounded, in its order, and nothing else was fetched."""
    opening, viet = roots["loa-1"]
    assert (roots["loa-2"][0], roots["loa-2"][2], len(roots["loa-2"])) == (opening, viet, 3)
    assert (roots["loa-3"][0], len(roots["loa-3"])) == (opening, 2)
    assert len({root for held in roots.values() for root in held}) == 4
    for device, held in roots.items():
        assert {path.name for path in (system.folder / "devices" / device).rglob("*") if _is_root(path)} == set(held)


def _is_root(path: Path) -> bool:
    """Whether it is a whole asset of the cache."""
    return path.is_file() and len(path.name) == 64
