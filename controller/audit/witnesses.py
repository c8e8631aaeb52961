"""Holds what devices say they witnessed of the audit against the chain: a device cannot be made to forget."""

from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from controller.audit import store
from loa_protocol.audit_head import NOTHING, Head, parse
from loa_protocol.documents.device import DeviceState


async def contradicted(session: AsyncSession, states: Mapping[str, DeviceState]) -> list[tuple[str, str]]:
    """(device, words) for every device that witnessed what the chain does not have; mostly one small query."""
    said = {device: _heads(state) for device, state in states.items()}
    heads = {head for some in said.values() for head in some}
    if not heads:
        return []
    gone = await missing(session, heads)
    return [
        (device, f"it witnessed entry {head.sequence} of the audit as {head.hash}, which the chain does not have")
        for device, some in said.items()
        for head in some
        if head in gone
    ]


async def missing(session: AsyncSession, heads: Collection[Head]) -> frozenset[Head]:
    """Those of the heads that are not in the chain; what lies before its cut can no longer be said."""
    cut = await store.newest_checkpoint(session)
    first = 0 if cut is None else cut.sequence
    known = await store.hashes(session, {head.sequence for head in heads})
    known.setdefault(NOTHING.sequence, NOTHING.hash)
    return frozenset(head for head in heads if head.sequence > first and known.get(head.sequence) != head.hash)


def _heads(state: DeviceState) -> list[Head]:
    found = (parse(text) for text in (state.audit_head, state.audit_disowned))
    return [head for head in found if head is not None]
