"""What is opened is stored in groups of bounded size, and of each device in the order in which it came."""

from pathlib import Path
from typing import cast

import pytest

from controller.receipts import lanes
from controller.receipts.lanes import Lanes
from controller.receipts.opening import Message
from controller.receipts.told import Received, Told
from controller.runtime.database import Database
from controller.runtime.keys import Signers
from tests.fakes.databases import sqlite_url
from tests.fakes.ingest_feed import arrival_of, known_of

DEVICES = tuple(f"loa-{n}" for n in range(8))
NOBODY = cast("Signers", None)
"""Nothing is acknowledged here."""


def _message(device: str, number: int, entries: int = 1) -> Message:
    line = Told(b"{}", number, "0" * 64, "1" * 64, "note")
    return Message(arrival_of(device), known_of(device), Received(device, "j-1", (line,) * entries, plain=True))


async def _groups(all_lanes: Lanes) -> list[list[list[Message]]]:
    found = []
    for lane in all_lanes.all:
        groups = []
        while len(lane):
            groups.append(await lane.group())
        found.append(groups)
    return found


async def test_everything_of_a_device_waits_in_one_lane_in_its_order() -> None:
    postgres = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    all_lanes = Lanes(postgres, NOBODY)
    all_lanes.put([_message(device, number) for number in range(5) for device in DEVICES])

    stored = [[message for group in groups for message in group] for groups in await _groups(all_lanes)]

    assert len(stored) == lanes.LANES
    assert all(stored)
    for device in DEVICES:
        numbers = [[_number(one) for one in lane if one.known.device_id == device] for lane in stored]
        assert sorted(numbers) == [[], [0, 1, 2, 3, 4]]


def _number(message: Message) -> int:
    assert isinstance(message.document, Received)
    return message.document.lines[0].sequence


async def test_sqlite_has_one_lane_and_its_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "GROUP", 3)
    monkeypatch.setattr(lanes, "GROUP_ENTRIES", 10)
    all_lanes = Lanes(Database(sqlite_url(tmp_path)), NOBODY)
    sizes = [1, 1, 1, 1, 9, 4, 1]
    all_lanes.put([_message(DEVICES[0], number, entries) for number, entries in enumerate(sizes)])
    full = all_lanes.full

    (groups,) = await _groups(all_lanes)

    assert full
    assert not all_lanes.full
    assert [[one.entries for one in group] for group in groups] == [[1, 1, 1], [1, 9], [4, 1]]
