"""The audit's chain: whatever is done to any one row, the check finds it. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.audit import rules
from controller.audit.checkpoints import LEAST_KEPT, Checkpoint, months_before, opened, sealed, signers_of
from controller.audit.rules import Beside, Chain, Changed, Entry, Fault, Kept, Who
from loa_protocol.audit_head import NOTHING, Head, contradicts, highest, parse
from loa_protocol.documents.trust import KeyStatus, Role, RoleKeys, TrustKey, TrustList
from loa_protocol.errors import DocumentInvalid
from loa_protocol.keys import Ed25519Signer
from tests.property.effort import examples

T0 = datetime(2026, 11, 21, 5, tzinfo=UTC)
NAME = Beside(salt="5a" * 16, value="Lan")

words = st.text(st.characters(codec="utf-8"), max_size=12)
facts = st.dictionaries(words, st.none() | st.booleans() | st.integers(-(2**60), 2**60) | words, max_size=3)
entries = st.tuples(words, st.sampled_from(["host", "session", "loa"]), words, facts, st.booleans())


def digest(beside: Beside) -> str:
    return rules.commitment(bytes.fromhex(beside.salt), beside.value)


def chained(given_entries: list[tuple[str, str, str, dict[str, Any], bool]]) -> list[Kept]:
    """As the controller stores them."""
    made: list[Kept] = []
    for number, (action, via, person, said, private) in enumerate(given_entries, 1):
        change = Changed(table="people", key={"id": "p"}, after={"name": rules.withheld(digest(NAME))})
        entry = Entry(
            sequence=number,
            id=f"e{number}",
            at=T0 + timedelta(seconds=number),
            who=Who(via=via, person=person),
            action=action,
            units=("xa",),
            changes=(change,) if private else (),
            facts=said,
        )
        raw, previous = rules.canonical(entry), made[-1].hash if made else NOTHING.hash
        made.append(
            Kept(
                sequence=number,
                previous=previous,
                hash=rules.linked(previous, raw),
                entry=raw.decode(),
                at=entry.at,
                person=person,
                action=action,
                units=("xa",),
                beside={digest(NAME): NAME} if private else {},
            )
        )
    return made


chains = st.lists(entries, min_size=1, max_size=8).map(chained)


def head_of(rows: list[Kept]) -> Head:
    return Head(rows[-1].sequence, rows[-1].hash) if rows else NOTHING


def faults(rows: list[Kept], head: Head | None, witnessed: dict[Head, int] | None = None) -> set[Fault]:
    chain = Chain(witnessed=witnessed or {})
    for row in rows:
        chain.take(row)
    return {one.fault for one in chain.end(head)}


@examples(40)
@given(chains)
def test_a_chain_that_nobody_touched_is_whole(rows: list[Kept]) -> None:
    witnessed = {Head(row.sequence, row.hash): 3 for row in rows}

    assert faults(rows, head_of(rows), witnessed) == set()


@examples(40)
@given(chains, st.data())
def test_any_one_changed_value_of_any_row_is_found(rows: list[Kept], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["entry", "at", "person", "action", "units", "previous", "hash", "sequence"]))
    row = rows[number]
    changed = msgspec.structs.replace(row, **{column: _other(getattr(row, column), data)})

    found = faults([*rows[:number], changed, *rows[number + 1 :]], head_of(rows))

    assert found


def _other(value: Any, data: st.DataObject) -> Any:
    """A value that is not this one: a character of a text changed, put in or gone."""
    match value:
        case str():
            at = data.draw(st.integers(0, len(value)))
            other = (
                value[:at] + data.draw(st.sampled_from(["0", "1", "a", " "])) + value[at + data.draw(st.booleans()) :]
            )
            return other if other != value else value + "0"
        case datetime():
            return value + timedelta(microseconds=data.draw(st.integers(1, 10**9)))
        case tuple():
            return data.draw(st.sampled_from([(), ("khac",), (*value, "khac")]))
        case _:
            return value + data.draw(st.sampled_from([-1, 1, 2]))


@examples(40)
@given(chains, st.data())
def test_any_removed_row_is_found(rows: list[Kept], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(rows) - 1))

    assert faults([*rows[:number], *rows[number + 1 :]], head_of(rows))


@examples(40)
@given(chains, st.data())
def test_any_cut_tail_is_found_even_with_a_head_to_fit_as_soon_as_one_device_saw_it(
    rows: list[Kept], data: st.DataObject
) -> None:
    left = rows[: data.draw(st.integers(0, len(rows) - 1))]

    assert faults(left, head_of(rows)) == {Fault.CUT_SHORT}
    assert faults(left, None) == {Fault.CUT_SHORT}
    assert faults(left, head_of(left), {head_of(rows): 1}) == {Fault.WITNESS}


@examples(40)
@given(st.lists(entries, min_size=2, max_size=8).map(chained), st.data())
def test_any_two_rows_in_another_order_are_found(rows: list[Kept], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(rows) - 2))
    second = data.draw(st.integers(first + 1, len(rows) - 1))
    swapped = [*rows]
    swapped[first], swapped[second] = rows[second], rows[first]

    assert faults(swapped, head_of(rows))


@examples(40)
@given(st.lists(entries, min_size=2, max_size=8).map(chained), st.data())
def test_rows_that_swapped_their_contents_and_kept_their_numbers_are_found(
    rows: list[Kept], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(rows) - 2))
    swapped = [*rows]
    swapped[first] = msgspec.structs.replace(rows[first + 1], sequence=rows[first].sequence)
    swapped[first + 1] = msgspec.structs.replace(rows[first], sequence=rows[first + 1].sequence)

    assert faults(swapped, head_of(rows))


@examples(40)
@given(chains, entries, st.data())
def test_any_inserted_row_is_found(rows: list[Kept], fresh: Any, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(rows)))
    copied = data.draw(st.sampled_from(rows))
    forged = msgspec.structs.replace(chained([fresh])[0], sequence=number + 1)

    assert faults([*rows[:number], copied, *rows[number:]], head_of(rows))
    assert faults([*rows[:number], forged, *rows[number:]], head_of(rows))


@examples(40)
@given(chains, st.data())
def test_a_chain_rewritten_whole_from_some_row_on_is_found_by_any_device_that_saw_what_came_after(
    rows: list[Kept], data: st.DataObject
) -> None:
    said = [("khác", "host", "", {"n": number}, False) for number in range(len(rows) + 3)]
    rewritten = chained(said)
    seen = data.draw(st.sampled_from(rows))

    assert faults(rewritten, head_of(rewritten)) == set()
    assert faults(rewritten, head_of(rewritten), {Head(seen.sequence, seen.hash): 1}) == {Fault.WITNESS}


def test_a_value_beside_the_chain_may_go_and_may_not_be_another() -> None:
    [row] = chained([("sửa", "session", "p", {}, True)])
    other = msgspec.structs.replace(row, beside={digest(NAME): Beside(salt=NAME.salt, value="Hoa")})
    strange = msgspec.structs.replace(row, beside={digest(Beside(salt="00", value="x")): Beside(salt="00", value="x")})

    assert faults([msgspec.structs.replace(row, beside={})], head_of([row])) == set()
    assert faults([other], head_of([row])) == {Fault.BESIDE}
    assert faults([strange], head_of([row])) == {Fault.BESIDE}


@examples(40)
@given(chains, st.data())
def test_a_reader_who_may_see_a_part_checks_that_part_and_the_links(rows: list[Kept], data: st.DataObject) -> None:
    hidden = {
        row.sequence: Kept(sequence=row.sequence, previous=row.previous, hash=row.hash)
        for row in rows
        if data.draw(st.booleans())
    }
    shown = [hidden.get(row.sequence, row) for row in rows]

    assert faults(shown, head_of(rows)) == set()


@examples(40)
@given(chains, st.data())
def test_two_stored_texts_of_one_entry_are_never_both_right(rows: list[Kept], data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(rows))
    assert row.entry is not None
    spaced = row.entry.replace(":", ": ", 1)
    forged = msgspec.structs.replace(row, entry=spaced, hash=rules.linked(row.previous, spaced.encode()))
    chain = Chain(start=Head(row.sequence - 1, row.previous))

    chain.take(forged)

    assert {one.fault for one in chain.end(chain.head)} == {Fault.ALTERED}


def test_what_a_device_saw_before_the_cut_is_no_fault() -> None:
    rows = chained([("a", "host", "", {}, False)] * 4)
    chain = Chain(start=Head(2, rows[1].hash), witnessed={Head(1, "ab" * 32): 5, Head(2, rows[1].hash): 7})
    for row in rows[2:]:
        chain.take(row)

    assert chain.end(head_of(rows)) == []
    assert chain.confirmed == {Head(2, rows[1].hash): 7}


def listed(signer: Ed25519Signer, status: KeyStatus = KeyStatus.ACTIVE, role: Role = Role.PLAN) -> TrustList:
    key: TrustKey = msgspec.structs.replace(signer.trust_key("plan-signer"), status=status)
    holder = {role: RoleKeys(threshold=1, keys=(signer.keyid,))}
    return TrustList(version=1, issued=T0, expires=T0, keys={signer.keyid: key}, roles=holder)


def test_only_a_plan_key_cuts_and_only_what_is_old() -> None:
    signer, stranger = Ed25519Signer.generate(), Ed25519Signer.generate()
    cut = Checkpoint(sequence=5, hash="ab" * 32, at=T0 - LEAST_KEPT, made=T0)
    young = msgspec.structs.replace(cut, at=T0 - timedelta(days=3))
    keys = signers_of(listed(signer))

    assert opened(sealed(cut, signer), keys) == cut
    assert opened(sealed(cut, signer), signers_of(listed(signer, KeyStatus.RETIRED))) == cut
    for raw, by in (
        (sealed(cut, stranger), keys),
        (sealed(cut, signer), signers_of(listed(signer, role=Role.INGEST))),
        (sealed(young, signer), keys),
        (sealed(cut, signer).replace(b"audit-checkpoint", b"plan"), keys),
    ):
        with pytest.raises(DocumentInvalid):
            opened(raw, by)


@examples(40)
@given(st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1)), st.integers(1, 60))  # noqa: DTZ001 - days only
def test_months_before_is_as_long_as_months_are(instant: datetime, months: int) -> None:
    before = months_before(instant, months)

    assert timedelta(days=28 * months) <= instant - before <= timedelta(days=31 * months)
    assert (before.year * 12 + before.month) == instant.year * 12 + instant.month - months


@examples(40)
@given(st.integers(0, 10**15), st.binary(min_size=32, max_size=32))
def test_a_head_reads_back_from_its_text(sequence: int, raw: bytes) -> None:
    head = Head(sequence, raw.hex())

    assert parse(head.text) == head
    assert parse(head.text + "\n") is None
    assert parse(head.text.upper()) is None or head.text.upper() == head.text


@examples(40)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_answers_of_one_chain_in_their_order_never_contradict_and_a_fork_or_a_step_back_does(ends: list[int]) -> None:
    rows = [NOTHING, *(Head(row.sequence, row.hash) for row in chained([("a", "host", "", {}, False)] * 5))]
    held: Head | None = None
    for end in sorted(ends):
        assert held is None or not contradicts(held, rows[end])
        held = highest(held, rows[end])
    assert held == rows[max(ends)]

    assert held.sequence == 0 or contradicts(held, rows[held.sequence - 1])
    assert contradicts(held, Head(held.sequence, "cd" * 32))
