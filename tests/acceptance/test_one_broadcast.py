"""From a file on the operator's disk to loudspeakers and a board, and back, with real processes.

The main line runs on every broker, and on both databases.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loa_cli.client import ApiRefused
from tests.acceptance.rig import COMMUNE, System, bursts, captured, make_tone, running, wait_for

pytestmark = pytest.mark.broker


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def _play(system: System, folder: Path, *, in_s: float | None, seconds: float = 2.0, **more: object) -> str:
    """Begins `in_s` after the sound is taken in, None: as soon as it can."""
    asset = system.client.upload(make_tone(folder / f"tone-{seconds}.wav", seconds=seconds), "Âm thử")
    at = None if in_s is None else _in(in_s)
    body = {"title": "Âm thử", "to": [f"u-{COMMUNE}"], "asset_id": asset["id"], "at": at, "late_s": 20, **more}
    return str(system.client.post("/broadcasts", body)["id"])


@pytest.mark.parametrize(
    ("broker", "database"),
    [
        ("embedded", "sqlite"),
        pytest.param("iotcore", "sqlite", marks=pytest.mark.long),  # test_kills.py has it every time
        ("mosquitto", "postgresql"),
    ],
    indirect=["database"],
)
def test_a_file_sounds_on_every_loudspeaker_and_shows_on_the_board(broker: str, database: str, tmp_path: Path) -> None:
    with running(tmp_path, broker, database=database) as system:
        for device in ("loa-1", "loa-2", "loa-3"):
            system.add_agent(device)
        system.add_agent("bang-1", kind="board")
        system.wait_ready()
        broadcast = _play(system, tmp_path, in_s=4, board_text="Họp thôn lúc 19 giờ 30", board_s=3)

        view = system.wait_closed(broadcast)

        assert view["outcomes"] == {"played": 4}, json.dumps(view, indent=1)
        for device in ("loa-1", "loa-2", "loa-3"):
            heard = bursts(captured(system.capture(device)))
            assert len(heard) == 1
            assert heard[0][1] - heard[0][0] == pytest.approx(2.0, abs=0.15)
        board = next(row for row in view["rows"] if row["device_id"] == "bang-1")
        assert board["receipt"]["board"]["frames"] >= 1
        assert len(board["receipt"]["board"]["read_back"]) == 64
        assert list(system.capture("bang-1").rglob("*.png"))


@pytest.mark.alone
def test_stop_silences_connected_devices_and_says_partial(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        system.add_agent("loa-1")
        system.add_agent("loa-2")
        system.wait_ready()
        broadcast = _play(system, tmp_path, in_s=2, seconds=30.0)
        wait_for(lambda: all(d["state"].get("playing") for d in system.client.get("/devices")), "both sound")
        stopped = datetime.now(UTC)
        system.client.post("/stops", {"to": [f"u-{COMMUNE}"], "reason": "thử"})

        view = system.wait_closed(broadcast)

        assert view["outcomes"] == {"partial": 2}
        for row in view["rows"]:
            assert row["reason"] == "stopped"
            silent_after = datetime.fromisoformat(row["receipt"]["ended"]) - stopped
            assert silent_after < timedelta(seconds=2)
            assert row["receipt"]["played_ms"] < 30_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One loudspeaker for all tests that look at nothing but their own broadcast or file."""
    with running(tmp_path_factory.mktemp("house")) as system:
        system.add_agent("loa-1")
        system.wait_ready()
        yield system


def test_a_cancelled_broadcast_never_sounds(house: System, tmp_path: Path) -> None:
    before = len(bursts(captured(house.capture("loa-1"))))
    cancelled = _play(house, tmp_path, in_s=4)
    house.client.post(f"/broadcasts/{cancelled}/cancel")
    kept = _play(house, tmp_path, in_s=8, title="Giữ lại")

    view = house.wait_closed(kept)

    assert view["outcomes"] == {"played": 1}
    assert len(bursts(captured(house.capture("loa-1")))) == before + 1
    assert house.ledger(cancelled)["outcomes"].get("played") is None


def test_a_broadcast_cancelled_on_air_stops_and_says_withdrawn(house: System, tmp_path: Path) -> None:
    broadcast = _play(house, tmp_path, in_s=2, seconds=30.0)
    wait_for(lambda: house.device("loa-1")["state"].get("playing"), "it sounds")
    house.client.post(f"/broadcasts/{broadcast}/cancel")

    view = house.wait_closed(broadcast)

    assert [(row["outcome"], row["reason"]) for row in view["rows"]] == [("interrupted", "withdrawn")]


def test_a_device_that_is_away_is_answered_as_unknown_and_corrected_when_it_returns(tmp_path: Path) -> None:
    with running(tmp_path, "mosquitto", answer_deadline_s=2) as system:
        agent = system.add_agent("loa-1")
        system.add_agent("loa-2")
        system.wait_ready()
        broadcast = _play(system, tmp_path, in_s=3, late_s=1)
        wait_for(lambda: "missing" not in system.device("loa-1")["state"], "content is there")
        agent.kill()

        view = system.wait_closed(broadcast)
        assert view["outcomes"] == {"played": 1, "unknown": 1}

        agent.start()
        wait_for(lambda: "unknown" not in system.ledger(broadcast)["outcomes"], "the late truth arrives")
        assert sum(system.ledger(broadcast)["outcomes"].values()) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp3", b""),
        ("text.mp3", b"day khong phai am thanh\n" * 50),
        ("list.m3u8", b"#EXTM3U\nhttp://127.0.0.1:9/a.ts\n"),
    ],
)
def test_a_bad_file_is_refused_by_the_api_and_nothing_is_kept(
    name: str, content: bytes, tmp_path: Path, house: System
) -> None:
    bad = tmp_path / name
    bad.write_bytes(content)
    before = _kept(house)

    with pytest.raises(ApiRefused) as refused:
        house.client.upload(bad)

    assert refused.value.problem_code.startswith("media_")
    assert _kept(house) == before
    assert not list((house.data_dir / "intake").glob("*"))


def _kept(system: System) -> tuple[list[str], list[Path]]:
    """Assets by the API, and files of the object store."""
    files = sorted(path for path in (system.data_dir / "objects").rglob("*") if path.is_file())
    return sorted(asset["id"] for asset in system.client.get("/media")), files
