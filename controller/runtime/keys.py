"""The controller's signing keys and the trust list that names them.

Embedded default: one root key of one holder, beside the plan and the ingest key, as files only their owner may read;
the log says so, because a stolen machine is then a stolen root. Whoever signs reaches keys through `Keyring`, so that
a signer process of its own can stand behind the same two properties. A trust list is committed before anything is
signed by a key it introduces.
"""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controller.delivery import store
from controller.delivery.tables import TrustListRow
from controller.runtime.clock import Clock
from controller.runtime.database import Database, alone
from loa_protocol import topics
from loa_protocol.documents.trust import KeyStatus, Role, RoleKeys, TrustKey, TrustList
from loa_protocol.envelope import Signer, open_payload, parse, seal
from loa_protocol.errors import DocumentInvalid, LoaError
from loa_protocol.keys import Ed25519Signer
from loa_protocol.trust import advance, join_array, pin, read_array

log = logging.getLogger(__name__)

TRUST_LIFE = timedelta(days=5 * 365)
_HOLDERS = {Role.ROOT: "root-holder", Role.PLAN: "plan-signer", Role.INGEST: "ingest-signer"}
_KEY_HEX_CHARACTERS = 64
_TRUST = "trust"


class KeysMissing(LoaError):
    """The database has a trust list whose keys are not in the key folder, or cannot be read."""

    code = "keys_missing"


class RootKeysElsewhere(KeysMissing):
    """Fewer root keys are in the key folder than have to sign a trust list."""

    code = "root_keys_elsewhere"


class TrustListsFull(LoaError):
    """One trust list more, and a device that was away could not walk them all."""

    code = "trust_lists_full"


class Signers(Protocol):
    """Who signs for the controller."""

    @property
    def plan(self) -> Signer:
        """Signs plans, assignments, stops, commands and time answers."""

    @property
    def ingest(self) -> Signer:
        """Signs acknowledgements."""


class Keyring:
    """Keys in files of one folder; which of them is in force is what the newest trust list says."""

    def __init__(self, folder: Path, db: Database, clock: Clock) -> None:
        self._folder, self._db, self._clock = folder, db, clock
        self._signers: dict[str, Ed25519Signer] = {}
        self._newest: TrustList | None = None

    @property
    def plan(self) -> Signer:
        """The active plan key."""
        return self._active(Role.PLAN)

    @property
    def ingest(self) -> Signer:
        """The active ingest key."""
        return self._active(Role.INGEST)

    @property
    def trust_list(self) -> TrustList:
        """The newest list."""
        if self._newest is None:
            raise KeysMissing("the keyring was not opened; start the controller first")
        return self._newest

    async def open(self) -> None:
        """Load the keys; at the very first start make them and the first trust list.

        Raises:
            KeysMissing: the database knows a trust list, the folder lacks its keys.
        """
        async with self._db.reading() as session:
            known = await newest_list(session)
        if known is None:
            await self._bootstrap()
        await self.refresh()
        self._active(Role.PLAN)
        self._active(Role.INGEST)

    async def refresh(self) -> None:
        """Follow the newest trust list, which another process may have made."""
        async with self._db.reading() as session:
            await self.follow(session)

    async def follow(self, session: AsyncSession) -> None:
        """As `refresh`, in a session that is open already."""
        version = await newest_version(session)
        if self._newest is None or version != self._newest.version:
            self._newest = await newest_list(session)
            self._signers = await asyncio.to_thread(_load_all, self._folder)

    async def rotate_plan_key(self) -> TrustList:
        """Retire the plan key: a new one signs from now on, everything is signed anew.

        Raises:
            RootKeysElsewhere, TrustListsFull: as `rotate_in`.
        """
        fresh = await self.fresh_plan_key()
        listed = await self._db.attempt(lambda session: self.rotate_in(session, fresh))
        await self.refresh()
        return listed

    async def fresh_plan_key(self) -> Ed25519Signer:
        """A key for `rotate_in`, on the disk already; made only where it can come into force.

        Raises:
            RootKeysElsewhere: the root keys that are here do not suffice.
        """
        async with self._db.reading() as session:
            current = await newest_list(session)
        self._signers = await asyncio.to_thread(_load_all, self._folder)  # roots may have been brought back
        roots_of(_there(current), self._signers)
        return await asyncio.to_thread(_make, self._folder, Role.PLAN)

    async def can_rotate(self, session: AsyncSession) -> bool:
        """Whether root keys enough for a new trust list are in the folder."""
        held = await asyncio.to_thread(_load_all, self._folder)
        try:
            roots_of(_there(await newest_list(session)), held)
        except KeysMissing:
            return False
        return True

    async def rotate_in(self, session: AsyncSession, fresh: Ed25519Signer) -> TrustList:
        """As `rotate_plan_key`, in the caller's transaction: in force with its commit, in every process.

        Raises:
            RootKeysElsewhere: the root keys that are here do not suffice; then their holders are needed.
            TrustListsFull: devices would not take one list more.
        """
        await alone(session, _TRUST)
        current = _there(await newest_list(session))
        made = rotated(current, fresh, self._clock)
        await _keep(session, made, roots_of(current, self._signers))
        await store.want_all(session)
        log.warning("rotating the plan key: trust list %d, new key %s", made.version, fresh.keyid)
        return made

    async def _bootstrap(self) -> None:
        made = await asyncio.to_thread(_make_first, self._folder)
        listed = first_list(made, self._clock)

        async def begin(session: AsyncSession) -> bool:
            await alone(session, _TRUST)
            first = await newest_version(session) == 0
            if first:
                await _keep(session, listed, [made[Role.ROOT]])
            return first

        if not await self._db.attempt(begin):
            return
        log.warning(
            "made the root, plan and ingest keys in %s. Trust hangs on ONE root key (1 of 1) on this machine: right"
            " for a trial or one commune; a province keeps three root keys offline",
            self._folder,
        )

    def _active(self, role: Role) -> Ed25519Signer:
        listed = self.trust_list
        for keyid in listed.roles[role].keys if role in listed.roles else ():
            if keyid in self._signers and listed.keys[keyid].status is KeyStatus.ACTIVE:
                return self._signers[keyid]
        raise KeysMissing(
            f"the {role} key of trust list {listed.version} is not in {self._folder}; restore that folder from backup"
        )


def first_list(signers: Mapping[Role, Ed25519Signer], clock: Clock) -> TrustList:
    """Version 1: one key, one person for each role."""
    now = clock.now()
    return TrustList(
        version=1,
        issued=now,
        expires=now + TRUST_LIFE,
        keys={signer.keyid: signer.trust_key(_HOLDERS[role]) for role, signer in signers.items()},
        roles={role: RoleKeys(threshold=1, keys=(signer.keyid,)) for role, signer in signers.items()},
    )


def rotated(current: TrustList, fresh: Ed25519Signer, clock: Clock) -> TrustList:
    """The next list: `fresh` is the plan key, its predecessors are retired."""
    now = clock.now()
    old = current.roles[Role.PLAN].keys
    keys: dict[str, TrustKey] = dict(current.keys)
    for keyid in old:
        if keys[keyid].status is KeyStatus.ACTIVE:
            keys[keyid] = msgspec.structs.replace(keys[keyid], status=KeyStatus.RETIRED)
    keys[fresh.keyid] = fresh.trust_key(_HOLDERS[Role.PLAN])
    roles = dict(current.roles) | {Role.PLAN: RoleKeys(threshold=1, keys=(fresh.keyid, *old))}
    return msgspec.structs.replace(
        current, version=current.version + 1, issued=now, expires=now + TRUST_LIFE, keys=keys, roles=roles
    )


async def newest_version(session: AsyncSession) -> int:
    """Version of the newest trust list, 0 if there is none."""
    return await session.scalar(select(func.max(TrustListRow.version))) or 0


async def newest_list(session: AsyncSession) -> TrustList | None:
    """The newest trust list."""
    raw = await newest_envelope(session)
    return None if raw is None else open_payload(parse(raw), TrustList)


async def newest_envelope(session: AsyncSession) -> bytes | None:
    """The newest trust list as it was signed: what a device's provisioning pins."""
    query = select(TrustListRow.envelope).order_by(TrustListRow.version.desc()).limit(1)
    return (await session.scalars(query)).first()


async def _keep(session: AsyncSession, listed: TrustList, roots: Sequence[Ed25519Signer]) -> None:
    """Store a list that devices can walk to from all before it."""
    raw = seal("trust", listed, roots)
    before = [row.envelope for row in await store.trust_lists(session)]
    try:
        advance(pin(before[-1]), read_array(join_array([*before, raw]))) if before else pin(raw)
    except DocumentInvalid as error:
        raise TrustListsFull(
            f"there are {len(before)} trust lists, as many as devices take; they have to be provisioned anew before"
            " keys can change again",
            vi=f"đã đổi khóa {len(before)} lần, thiết bị không nhận thêm được; hãy cài lại thiết bị trước",
        ) from error
    session.add(TrustListRow(version=listed.version, envelope=raw))
    await session.flush()
    await store.want(session, [topics.TRUST])


def _there(listed: TrustList | None) -> TrustList:
    if listed is None:
        raise KeysMissing("there is no trust list to rotate; start the controller once")
    return listed


def roots_of(listed: TrustList, held: Mapping[str, Ed25519Signer]) -> list[Ed25519Signer]:
    """One root key of each holder that is here, if these are people enough to sign a list.

    Raises:
        RootKeysElsewhere: they are not.
    """
    rule = listed.roles[Role.ROOT]
    found: dict[str, Ed25519Signer] = {}
    for keyid in rule.keys:
        if keyid in held and listed.keys[keyid].status is KeyStatus.ACTIVE:
            found.setdefault(listed.keys[keyid].person, held[keyid])
    if len(found) < rule.threshold:
        raise RootKeysElsewhere(
            f"{rule.threshold} root keys have to sign and {len(found)} are in the key folder: bring the files"
            " root-….key back into it on the controller's machine, run “loa keys rotate”, and take them away again",
            vi=f"cần {rule.threshold} khóa gốc mà trên máy chủ chỉ có {len(found)}: người giữ khóa gốc chép tệp"
            " root-….key vào thư mục keys của máy chủ, chạy lệnh “loa keys rotate” ở đó, rồi cất tệp đi",
            needed=rule.threshold,
            here=len(found),
        )
    return list(found.values())


def _make_first(folder: Path) -> dict[Role, Ed25519Signer]:
    """The three keys; those a killed first start left behind are used."""
    left = _load_by_role(folder)
    return {role: left.get(role) or _make(folder, role) for role in _HOLDERS}


def _make(folder: Path, role: Role) -> Ed25519Signer:
    """A fresh key, whole on the disk before anybody learns of it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    signer = Ed25519Signer.generate()
    staged = folder / f"{role}-{signer.keyid}.{secrets.token_hex(4)}.new"
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(signer.private_raw.hex() + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    staged.rename(folder / f"{role}-{signer.keyid}.key")
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return signer


def _load_all(folder: Path) -> dict[str, Ed25519Signer]:
    """Every key of the folder, by id."""
    return {signer.keyid: signer for _, signer in _files(folder)}


def _load_by_role(folder: Path) -> dict[Role, Ed25519Signer]:
    return {Role(path.name.split("-")[0]): signer for path, signer in _files(folder)}


def _files(folder: Path) -> list[tuple[Path, Ed25519Signer]]:
    found = []
    for path in sorted(folder.glob("*-*.key")):
        text = path.read_text().strip()
        raw = b""
        with contextlib.suppress(ValueError):
            raw = bytes.fromhex(text)
        if len(text) != _KEY_HEX_CHARACTERS or not raw:
            raise KeysMissing(f"{path} is not a key of {_KEY_HEX_CHARACTERS} hex digits; restore it from its backup")
        found.append((path, Ed25519Signer.from_bytes(raw)))
    return found
