"""An export of the audit, line by line, and whether it is whole. Pure: it needs the lines and nothing else.

First comes `Begin`, then every entry in order, last `End`: a file that was cut off is found, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from controller.audit import checkpoints
from controller.audit.checkpoints import Checkpoint
from controller.audit.rules import Chain, Fault, Found, Kept
from loa_protocol.audit_head import NOTHING, Head, parse
from loa_protocol.documents.trust import TrustList
from loa_protocol.envelope import open_payload
from loa_protocol.envelope import parse as parse_envelope
from loa_protocol.errors import DocumentInvalid, LoaError
from loa_protocol.ids import Instant


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="begin"):
    """What holds for all: the cuts, the trust list that names who signed them, what devices witnessed, the head.

    `after`: entries up to there are left out, because who asked has them.
    """

    made: Instant
    trust: str
    checkpoints: tuple[str, ...]
    witnessed: dict[str, int]
    head: str
    after: int = 0


class End(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="end"):
    """The last line: how many entries came before it."""

    entries: int


Line = Begin | Kept | End
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class ExportInvalid(LoaError):
    """A file is no export of the audit."""

    code = "audit_export_invalid"


@dataclass(slots=True)
class Report:
    """What was found. `erased` values were taken away rightly; `hidden` entries showed their link, not all they say."""

    head: Head = NOTHING
    start: Head = NOTHING
    checked: int = 0
    hidden: int = 0
    erased: int = 0
    confirmed: Mapping[Head, int] = field(default_factory=dict)
    cuts: list[Checkpoint] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)


def read(raw: bytes) -> Line:
    """One line.

    Raises:
        ExportInvalid: it is none of an export.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ExportInvalid(f"a line is none of an export of the audit: {error}; export it again") from error


def verified(
    lines: Iterable[bytes],
    *,
    since: Head | None = None,
    trust: TrustList | None = None,
    lost: frozenset[Head] = frozenset(),
) -> Report:
    """Check an export from its first line on; `since`: a head that is known to be right, from an earlier export.

    `trust`: a list that is trusted more than the one in the export, as from a device's provisioning. `lost`: heads that
    devices witnessed and that are known to have gone when a database was restored.

    Raises:
        ExportInvalid: it is none.
    """
    source = iter(lines)
    begin = read(next(source, b""))
    if not isinstance(begin, Begin):
        raise ExportInvalid("the first line says nothing of the export; export it again")
    if begin.after and (since is None or since.sequence < begin.after):
        raise ExportInvalid(f"this export begins after entry {begin.after}; say by --since what its head was then")
    report = Report()
    witnessed = {head: count for head, count in _witnessed(begin).items() if head not in lost}
    chain = Chain(_start(begin, trust, report, since), witnessed)
    report.start = chain.start
    ended, count = False, 0
    for raw in source:
        match read(raw):
            case Kept() as kept if not ended:
                count += 1
                if since is None or kept.sequence > since.sequence:
                    chain.take(kept)
            case End() as end if not ended:
                ended = True
                if end.entries != count:
                    report.found.append(Found(Fault.CUT_SHORT, chain.head.sequence, "lines are missing from the file"))
            case _:
                raise ExportInvalid("lines stand after the end of the export; export it again")
    if not ended:
        report.found.append(Found(Fault.CUT_SHORT, chain.head.sequence, "the file has no end"))
    report.found += chain.end(parse(begin.head))
    report.head, report.checked, report.hidden = chain.head, chain.checked, chain.hidden
    report.erased, report.confirmed = chain.erased, chain.confirmed
    return report


def _witnessed(begin: Begin) -> dict[Head, int]:
    heads = {parse(text): count for text, count in begin.witnessed.items()}
    return {head: count for head, count in heads.items() if head is not None}


def _start(begin: Begin, trust: TrustList | None, report: Report, since: Head | None) -> Head:
    """What the first entry must follow from; whatever is wrong with the cuts goes into the report."""
    keys = checkpoints.signers_of(trust or _trust(begin, report))
    for raw in begin.checkpoints:
        try:
            report.cuts.append(checkpoints.opened(raw.encode(), keys))
        except DocumentInvalid as error:
            report.found.append(Found(Fault.CHECKPOINT, 0, f"a cut is not to be believed: {error}"))
    if since is not None:
        return since
    return report.cuts[-1].head if report.cuts else NOTHING


def _trust(begin: Begin, report: Report) -> TrustList:
    try:
        return open_payload(parse_envelope(begin.trust.encode()), TrustList)
    except DocumentInvalid as error:
        if begin.checkpoints:
            report.found.append(Found(Fault.CHECKPOINT, 0, f"the trust list cannot be read: {error}"))
        return TrustList(version=1, issued=begin.made, expires=begin.made, keys={}, roles={})
