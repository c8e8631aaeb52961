"""A programme put over the API is what a real loudspeaker plays at its hour, slots and all."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.rig import COMMUNE, bursts, captured, make_tone, running

pytestmark = pytest.mark.broker

VIETNAM = timedelta(hours=7)
AHEAD_S = 7


def test_a_programme_is_played_at_its_hour_with_what_waits_in_its_slot(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        system.add_agent("loa-1")
        opening = system.client.upload(make_tone(tmp_path / "mo.wav", seconds=1.5), "Mở đầu")["id"]
        news = system.client.upload(make_tone(tmp_path / "tin.wav", seconds=0.8, hz=700.0), "Tin")["id"]
        system.wait_ready()
        system.client.post("/slot-items", {"unit": COMMUNE, "title": "Tin", "asset": news})
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

        assert saved["urgent"]["connected"] == 1
        assert datetime.fromisoformat(broadcast["start"]) == start
        assert view["outcomes"] == {"played": 1}, json.dumps(view, indent=1)
        receipt = view["rows"][0]["receipt"]
        late = datetime.fromisoformat(receipt["started"]) - start
        assert abs(late) < timedelta(milliseconds=300)
        heard = bursts(captured(system.capture("loa-1")))
        assert [end - begin for begin, end in heard] == pytest.approx([1.5, 0.8], abs=0.15)
        assert heard[1][0] - heard[0][1] == pytest.approx(1.0, abs=0.1)
        (scope,) = system.client.get("/programmes/chuong-trinh/reach")
        assert (scope["devices"], scope["hold"], scope["waiting"]) == (1, 1, False)
