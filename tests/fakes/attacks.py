"""What a hostile broker can send to a device: generated documents by class, each with the refusal it must meet.

`without(name)` removes the one check that stands against a class, so that a test can show that the class bites.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from unittest.mock import patch

import msgspec

from loa_protocol import acceptance, envelope, strict_json, topics
from loa_protocol.acceptance import Why
from loa_protocol.documents.device import Assignment, DeviceKind
from loa_protocol.documents.plan import Plan
from loa_protocol.envelope import seal
from loa_protocol.ids import Level
from loa_protocol.keys import Ed25519Signer, Witness
from loa_protocol.topics import Family


@dataclass(frozen=True)
class World:
    """What the attacker builds on: the true keys (as far as a class needs them), the device, its plan in force."""

    plan_key: Ed25519Signer
    ingest_key: Ed25519Signer
    device: str
    other_device: str
    scope: str
    other_scope: str
    in_force: Plan
    earlier: tuple[bytes, ...]
    """Envelopes the device accepted before the one in force."""
    now: datetime
    loud: Callable[[Random, str], Plan]
    """A plan that would sound at once, under a new version, with a broadcast of this id."""


@dataclass(frozen=True)
class Attack:
    """One message and the reason for which it must be refused."""

    topic: str
    raw: bytes
    why: Why


_STRICT_DECODE = strict_json.decode

Maker = Callable[[World, Random], Attack]


def _plan_topic(world: World) -> str:
    return topics.scoped(Family.PLAN, world.scope)


def _name(chance: Random) -> str:
    return f"tan-cong-{chance.getrandbits(48):012x}"


def _sealed(world: World, chance: Random, **changes: object) -> bytes:
    loud = world.loud(chance, _name(chance))
    return seal("plan", msgspec.structs.replace(loud, **changes), [world.plan_key])


def forged(world: World, chance: Random) -> Attack:
    """Signed by a key of the attacker's under the true key's name, by another role, or with a flipped bit."""
    loud = world.loud(chance, _name(chance))
    impostor = Ed25519Signer.generate(world.plan_key.keyid)
    form = chance.randrange(3)
    if form == 0:
        raw = seal("plan", loud, [impostor])
    elif form == 1:
        raw = seal("plan", loud, [world.ingest_key])
    else:
        held = envelope.parse(seal("plan", loud, [world.plan_key]))
        signature = envelope.b64decode(held.signatures[0].sig)
        place = chance.randrange(len(signature))
        flipped = signature[:place] + bytes([signature[place] ^ (1 << chance.randrange(8))]) + signature[place + 1 :]
        bad = msgspec.structs.replace(held.signatures[0], sig=envelope.base64.b64encode(flipped).decode())
        raw = msgspec.json.encode(msgspec.structs.replace(held, signatures=(bad,)))
    return Attack(_plan_topic(world), raw, Why.NOT_SIGNED)


def replayed(world: World, chance: Random) -> Attack:
    """A true document of earlier, sent again."""
    return Attack(_plan_topic(world), chance.choice(world.earlier), Why.OLDER)


def older(world: World, chance: Random) -> Attack:
    """Freshly signed with a version below the one in force."""
    version = max(1, world.in_force.version - chance.randint(1, 10_000))
    return Attack(_plan_topic(world), _sealed(world, chance, version=version), Why.OLDER)


def equivocating(world: World, chance: Random) -> Attack:
    """Another document under the version in force."""
    return Attack(_plan_topic(world), _sealed(world, chance, version=world.in_force.version), Why.EQUIVOCATION)


def expired(world: World, chance: Random) -> Attack:
    """Signed, newer, and run out."""
    ago = timedelta(seconds=chance.randint(1, 86_400))
    raw = _sealed(world, chance, issued=world.now - timedelta(days=2), expires=world.now - ago)
    return Attack(_plan_topic(world), raw, Why.EXPIRED)


def cross_scope(world: World, chance: Random) -> Attack:
    """A true plan of another scope, on this scope's topic or on its own."""
    raw = _sealed(world, chance, scope=world.other_scope)
    if chance.random() < 0.5:
        return Attack(_plan_topic(world), raw, Why.WRONG_SCOPE)
    return Attack(topics.scoped(Family.PLAN, world.other_scope), raw, Why.NOT_ASSIGNED)


def cross_device(world: World, chance: Random) -> Attack:
    """Another device's assignment on this device's topic, moving it to a scope of the attacker's choice."""
    moved = Assignment(
        scope=f"d-{world.other_device}",
        version=chance.randint(2**50, 2**52),
        issued=world.now,
        expires=world.now + timedelta(days=30),
        kind=DeviceKind.SPEAKER,
        units=(world.other_scope,),
    )
    raw = seal("assignment", moved, [world.plan_key])
    return Attack(topics.to_device(Family.ASSIGNMENT, world.device), raw, Why.WRONG_SCOPE)


def truncated(world: World, chance: Random) -> Attack:
    """Cut off somewhere."""
    raw = _sealed(world, chance)
    return Attack(_plan_topic(world), raw[: chance.randrange(1, len(raw))], Why.MALFORMED)


def duplicate_key(world: World, chance: Random) -> Attack:
    """A key named twice: one reader takes the first, another the last."""
    raw = _sealed(world, chance)
    twice = chance.choice([b'"payload":', b'"payloadType":', b'"signatures":'])
    other = b"[]" if twice == b'"signatures":' else b'""'
    return Attack(_plan_topic(world), raw.replace(twice, twice + other + b"," + twice, 1), Why.DUPLICATE_KEY)


def type_confused(world: World, chance: Random) -> Attack:
    """A true document of another kind that fits the plan's shape far enough to be read as one."""
    loud = world.loud(chance, _name(chance))
    kind = chance.choice(["policy", "assignment", "stop", "command"])
    return Attack(_plan_topic(world), seal(kind, loud, [world.plan_key]), Why.WRONG_TYPE)


def oversize(world: World, chance: Random) -> Attack:
    """A true plan made larger than the wire allows."""
    padding = b" " * (envelope.MAX_ENVELOPE_BYTES + chance.randint(1, 1000))
    return Attack(_plan_topic(world), _sealed(world, chance) + padding, Why.OVERSIZE)


def emergency_in_plan(world: World, chance: Random) -> Attack:
    """What only approvers may start, slipped into a plan."""
    loud = world.loud(chance, _name(chance))
    urgent = tuple(msgspec.structs.replace(b, level=Level.EMERGENCY) for b in loud.broadcasts)
    return Attack(_plan_topic(world), _sealed(world, chance, broadcasts=urgent), Why.EMERGENCY_IN_PLAN)


CLASSES: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        forged,
        replayed,
        older,
        equivocating,
        expired,
        cross_scope,
        cross_device,
        truncated,
        duplicate_key,
        type_confused,
        oversize,
        emergency_in_plan,
    )
}


def _believed(keyid_of: str) -> Callable[..., tuple[Witness, ...]]:
    def witnesses(held: envelope.Envelope, *_: object) -> tuple[Witness, ...]:
        return tuple(Witness(s.keyid, keyid_of, "believed") for s in held.signatures)

    return witnesses


def _mended(raw: bytes, model: type[object]) -> object:
    """Read a text with its closing brackets added, as a lenient reader might."""
    for tail in (b"", b"}", b"]}", b"}]}", b'"}]}'):
        try:
            return _STRICT_DECODE(raw + tail, model)
        except (msgspec.MsgspecError, strict_json.DocumentInvalid):
            continue
    raise strict_json.DocumentInvalid("beyond mending")


@contextmanager
def without(name: str) -> Iterator[None]:
    """The device's checks without the one that stands against the class."""
    removed = {
        "forged": patch.object(acceptance, "witnesses", _believed("signer")),
        "replayed": patch.object(acceptance, "_require_version", lambda *_: False),
        "older": patch.object(acceptance, "_require_version", lambda *_: False),
        "equivocating": patch.object(acceptance, "_require_version", lambda *_: False),
        "expired": patch.object(acceptance, "_require_time", lambda *_: None),
        "cross_scope": patch.object(acceptance, "_require_scope", lambda *_: None),
        "cross_device": patch.object(acceptance, "_require_scope", lambda *_: None),
        "truncated": patch.object(strict_json, "decode", _mended),
        "duplicate_key": patch.object(strict_json, "require_strict", lambda _raw: None),
        "type_confused": patch.object(acceptance, "_fitting", lambda *_: ("plan", acceptance.Role.PLAN)),
        "oversize": patch.object(envelope, "MAX_ENVELOPE_BYTES", 10**7),
        "emergency_in_plan": patch.object(acceptance, "_require_content", lambda *_: None),
    }[name]
    with removed:
        yield
