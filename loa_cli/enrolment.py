"""Simulated devices made known to a controller: keys in one file, registration in bulk, the pinned trust list.

As `loa device add`, for hundreds at a time: the private keys never leave this machine.
"""

import base64
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.light.device import Identity
from loa_cli.client import Client
from loa_protocol.errors import LoaError
from loa_protocol.keys import Ed25519Signer
from loa_protocol.trust import Trust, pin

PROFILE = "simulated"
AT_ONCE = 500
_KEYS, _TRUST = "devices.json", "trust.json"


class NotEnrolled(LoaError):
    """A simulated device has no key in the folder it should live from."""

    code = "not_enrolled"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Devices that the controller knows, and the trust list they start from."""

    identities: tuple[Identity, ...]
    trust: Trust


def enrol(
    client: Client, folder: Path, names: Mapping[str, str], *, kind: str = "speaker", label: str = "Thiết bị mô phỏng"
) -> Enrolled:
    """Make keys for those of `names` (device id → unit id) that have none in `folder`, and register these.

    Raises:
        ApiUnreachable, ApiRefused: e.g. a unit is not known, or an id belongs to another device.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = _read(folder)
    fresh = {name: Ed25519Signer.generate() for name in names if name not in held}
    order = list(fresh)
    for at in range(0, len(order), AT_ONCE):
        part = order[at : at + AT_ONCE]
        rows = [_row(name, fresh[name], names[name], kind, f"{label} {name}") for name in part]
        client.post("/devices/batch", {"devices": rows})
        held |= {name: fresh[name] for name in part}
        _write(folder, held)
    (folder / _TRUST).write_text(json.dumps(client.get("/provisioning")["trust"]))
    return load(folder, names)


def load(folder: Path, names: Iterable[str]) -> Enrolled:
    """Devices that were enrolled before.

    Raises:
        NotEnrolled: the folder does not know one of them.
        TrustRefused: the trust list beside the keys was changed.
    """
    held = _read(folder)
    wanted = tuple(names)
    missing = [name for name in wanted if name not in held]
    if missing:
        raise NotEnrolled(f"{folder} holds no key of {missing[0]} ({len(missing)} are missing); enrol them first")
    return Enrolled(tuple(Identity(name, held[name]) for name in wanted), pin((folder / _TRUST).read_bytes()))


def share(count: int, units: Sequence[str], prefix: str) -> dict[str, str]:
    """`count` device ids, dealt round to the units."""
    return {f"{prefix}-{number:05d}": units[number % len(units)] for number in range(count)}


def _row(name: str, signer: Ed25519Signer, unit: str, kind: str, label: str) -> dict[str, str]:
    public = base64.b64encode(signer.public_raw).decode()
    return {"id": name, "name": label, "kind": kind, "unit_id": unit, "public_key": public, "profile": PROFILE}


def _read(folder: Path) -> dict[str, Ed25519Signer]:
    path = folder / _KEYS
    if not path.exists():
        return {}
    return {name: Ed25519Signer.from_bytes(bytes.fromhex(key)) for name, key in json.loads(path.read_text()).items()}


def _write(folder: Path, held: Mapping[str, Ed25519Signer]) -> None:
    """Readable by its owner only, and whole or not at all."""
    fresh = folder / f"{_KEYS}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump({name: signer.private_raw.hex() for name, signer in held.items()}, opened)
    fresh.replace(folder / _KEYS)
