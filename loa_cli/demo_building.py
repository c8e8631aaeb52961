"""Makes the demo commune: an empty data folder becomes one that has lived a week, before anything serves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from loa_cli import demo_land, demo_past, demo_people
from loa_cli.demo_house import house
from loa_cli.demo_week import Newsroom
from loa_cli.instants import ZONE
from loa_cli.provisioning import Bundle, make_key
from loa_protocol.keys import Ed25519Signer

DAYS = 7


@dataclass(frozen=True, slots=True)
class Made:
    """The commune: keys of its devices, ids of its people by key and of its sounds by file, how much it has played."""

    signers: Mapping[str, Ed25519Signer]
    people: Mapping[str, str]
    sounds: Mapping[str, str]
    played: int


async def build(run: Path, data_dir: Path, now: datetime) -> Made:
    """Furnish it as of a week ago, and live that week, with its work on the desks.

    Raises:
        ApiRefused, DemoFailed: it is a fault of ours.
    """
    first_day = now.astimezone(ZONE).replace(hour=7, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    signers = {spot.id: bundle_key(run, spot) for spot in demo_land.spots()}
    async with house(data_dir, first_day) as opened:
        await demo_land.furnish(opened, {name: demo_land.public_key(signer) for name, signer in signers.items()})
        room = Newsroom(opened, await demo_people.take_in(opened))
        await room.furnish(first_day)
        boards = [spot.id for spot in demo_land.spots() if spot.kind == "board"]
        played = await demo_past.replay(opened, signers, boards, room.steps(now), now)
        sounds = await room.sounds()
    return Made(signers, room.people, sounds, played)


def bundle(run: Path, device: str) -> Bundle:
    """Where a device that really runs has its key and its state."""
    return Bundle(run / "devices" / device)


def bundle_key(run: Path, spot: demo_land.Spot) -> Ed25519Signer:
    """A fresh key; of a device that really runs it is kept in its bundle, others only live in this process."""
    if not spot.real:
        return Ed25519Signer.generate()
    make_key(bundle(run, spot.id))
    return Ed25519Signer.from_bytes(bytes.fromhex(bundle(run, spot.id).key.read_text().strip()))
