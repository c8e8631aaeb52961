"""A policy set over the API reaches a real agent: it lowers the volume, silences what is planned, and is let go of."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loa_cli.client import ApiRefused
from loa_cli.instants import ZONE
from tests.acceptance.rig import COMMUNE, System, bursts, captured, make_tone, running, wait_for

pytestmark = pytest.mark.broker
SCOPE = f"u-{COMMUNE}"


def test_a_policy_caps_the_volume_silences_what_is_planned_and_is_let_go_of(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        system.add_agent("loa-1")
        system.wait_ready()
        asset = system.client.upload(make_tone(tmp_path / "tone.wav", seconds=1.0), "Âm thử")["id"]
        capped = _held(system, {"volume_caps": [{"from": "00:00", "to": "24:00", "volume": 30}]}, None)
        first = _play(system, asset, in_s=2)
        heard = system.wait_closed(first["id"])
        second = _play(system, asset, in_s=4)
        today = datetime.now(UTC).astimezone(ZONE).date()
        days = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1)), "title": "Thi"}
        silenced = _held(system, {"blackouts": [days]}, capped["revision"])
        with pytest.raises(ApiRefused) as refused:
            _play(system, asset, in_s=3)
        skipped = system.wait_closed(second["id"])
        system.client.delete(f"/policies/{SCOPE}?expected_revision={silenced['revision']}")
        _wait_held(system)
        third = system.wait_closed(_play(system, asset, in_s=1.5)["id"])

        assert [one["rule"] for one in first["notes"]] == ["volume"]
        assert [(row["outcome"], row["receipt"]["volume"]) for row in heard["rows"]] == [("played", 30)]
        assert [(one["key"], one["rule"]) for one in silenced["silenced"]] == [(second["id"], "blackout")]
        assert refused.value.problem_code == "policy_violated"
        assert [(row["outcome"], row["reason"]) for row in skipped["rows"]] == [("skipped", "policy")]
        assert (
            f"{SCOPE}: blacked out from {days['from']} to {days['to']} (Thi)" in skipped["rows"][0]["receipt"]["detail"]
        )
        assert [(row["outcome"], row["receipt"]["volume"]) for row in third["rows"]] == [("played", 90)]
        assert len(bursts(captured(system.capture("loa-1")))) == 2


def _play(system: System, asset: str, *, in_s: float) -> dict:
    at = (datetime.now(UTC) + timedelta(seconds=in_s)).isoformat()
    body = {"title": "Âm thử", "to": [SCOPE], "asset_id": asset, "at": at, "late_s": 20, "volume": 90}
    return dict(system.client.post("/broadcasts", body))


def _held(system: System, document: dict, expected: int | None) -> dict:
    """A policy that the device says it has."""
    saved = system.client.put(f"/policies/{SCOPE}", {"document": document, "expected_revision": expected})
    _wait_held(system)
    return dict(saved)


def _wait_held(system: System) -> None:
    begun = datetime.now(UTC).timestamp() * 1000 - 2000

    def held() -> bool:
        have = system.device("loa-1")["state"].get("have", {})
        return int(have.get(f"loa/v1/policy/{SCOPE}", 0)) > begun

    wait_for(held, "the device has the policy of now")
