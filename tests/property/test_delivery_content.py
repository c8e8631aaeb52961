"""Sending content: every want is served, nothing goes twice, paces and bounds hold, in whatever order."""

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.delivery import content_queue
from controller.delivery.content_queue import Asker, Audience, ContentQueue, Send
from controller.delivery.content_rules import (
    CREDIT_S,
    INDEX,
    Pace,
    Recent,
    Tally,
    bits_of,
    frame_bytes,
    numbers_of,
    threshold,
)
from loa_protocol.content import ContentIndex, build_index, split

NUMBERS = st.frozensets(st.integers(INDEX, 6), min_size=1, max_size=8)


def an_index(seed: int, chunks: int = 7) -> ContentIndex:
    data = bytes([seed]) * (16_384 * chunks - 5)
    return build_index(split(data), len(data))


INDEXES = {"r": an_index(1), "s": an_index(2)}


@given(st.lists(st.frozensets(st.integers(INDEX, 511)), max_size=40), st.integers(1, 45))
def test_a_tally_counts_as_a_counter_does(sets: list[frozenset[int]], count: int) -> None:
    tally, counter = Tally(), Counter(number for one in sets for number in one)
    for one in sets:
        tally.add(bits_of(one))

    found = set(numbers_of(tally.at_least(count)))

    assert found == {number for number, times in counter.items() if times >= count}


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 9)), max_size=30), st.floats(0, 4))
def test_what_was_sent_lately_is_remembered_and_what_is_old_forgotten(
    steps: list[tuple[float, int]], back_s: float
) -> None:
    recent, now_s, sent = Recent(), 100.0, []
    for step_s, number in steps:
        now_s += step_s
        recent.add(bits_of([number]), now_s)
        sent.append((now_s, number))

    found = set(numbers_of(recent.since(now_s - back_s)))

    assert {number for at_s, number in sent if at_s > now_s - back_s} <= found
    assert found <= {number for at_s, number in sent if at_s > now_s - back_s - 0.101}


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 100_000)), min_size=1, max_size=50), st.integers(1000, 10**6))
def test_a_pace_never_lets_more_through_than_its_rate_and_credit(
    offers: list[tuple[float, int]], bytes_per_s: int
) -> None:
    pace, now_s, begun = Pace(bytes_per_s), 100.0, []
    for step_s, size in offers:
        now_s += step_s
        now_s += pace.delay_s(size, now_s)
        begun.append((now_s, size))

    for first in range(len(begun)):
        for last in range(first, len(begun)):
            span_s = begun[last][0] - begun[first][0]
            before_last = sum(size for _, size in begun[first:last])
            assert before_last <= (span_s + CREDIT_S) * bytes_per_s + 1


@dataclass
class World:
    """A queue, a clock and ideal devices: they hear what goes to all unless they are alone, and lose nothing."""

    queue: ContentQueue = field(default_factory=ContentQueue)
    now_s: float = 100.0
    sends: list[tuple[float, Send]] = field(default_factory=list)

    def want(self, device: str, root: str, numbers: frozenset[int], *, alone: bool = False) -> None:
        asker = Asker(device, 50_000, 1.0, alone)
        assert self.queue.want(asker, INDEXES[root], self.audience(), bits_of(numbers), self.now_s)

    def audience(self) -> Audience:
        return Audience("u-x", 200_000, self.now_s)

    def run(self, for_s: float) -> None:
        end_s = self.now_s + for_s
        while True:
            while (send := self.queue.next(self.now_s)) is not None:
                self.sends.append((self.now_s, send))
                self.queue.sent(send, self.now_s)
            wait_s = self.queue.wait_s(self.now_s)
            if wait_s is None or self.now_s + wait_s > end_s:
                break
            self.now_s += max(wait_s, 1e-6)
        self.now_s = end_s

    def heard(self, device: str, root: str, *, alone: bool) -> Counter[int]:
        """What a device got of an asset, how often."""
        return Counter(
            send.number
            for _, send in self.sends
            if INDEXES[root].root == send.root and (send.device == device or (send.device is None and not alone))
        )


WANTS = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("rs"), NUMBERS, st.booleans(), st.floats(0, 0.15)),
    max_size=16,
    unique_by=lambda one: (one[0], one[1]),
)


@settings(max_examples=60)
@given(WANTS)
def test_every_want_is_served_and_served_once(
    wants: list[tuple[str, str, frozenset[int], bool, float]],
) -> None:
    world = World()
    for device, root, numbers, alone, step_s in wants:
        world.now_s += step_s
        world.want(device, root, numbers, alone=alone)
        world.run(0.0)
    world.run(30.0)

    for device, root, numbers, alone, _ in wants:
        heard = world.heard(device, root, alone=alone)
        assert numbers <= heard.keys()
        assert all(heard[number] == 1 for number in numbers if alone)
    frames = Counter((send.root, send.number, send.device) for _, send in world.sends)
    assert not frames or max(frames.values()) == 1


@settings(max_examples=60)
@given(WANTS)
def test_a_chunk_goes_to_all_exactly_where_many_of_the_askers_lack_it(
    wants: list[tuple[str, str, frozenset[int], bool, float]],
) -> None:
    world = World()
    for device, root, numbers, alone, _ in wants:
        world.want(device, root, numbers, alone=alone)
    world.run(30.0)

    for name, index in INDEXES.items():
        askers = [numbers for _, root, numbers, alone, _ in wants if root == name and not alone]
        counts = Counter(number for numbers in askers for number in numbers)
        expected = {number for number, times in counts.items() if times >= threshold(len(askers))}
        assert {s.number for _, s in world.sends if s.root == index.root and s.device is None} == expected


@settings(max_examples=40)
@given(WANTS)
def test_each_lane_keeps_its_pace_and_sends_the_index_first(
    wants: list[tuple[str, str, frozenset[int], bool, float]],
) -> None:
    world = World()
    for device, root, numbers, alone, _ in wants:
        world.want(device, root, numbers, alone=alone)
    world.run(30.0)

    lanes: dict[str | None, list[tuple[float, Send]]] = defaultdict(list)
    for at_s, send in world.sends:
        assert send.size_bytes == frame_bytes(next(i for i in INDEXES.values() if i.root == send.root), send.number)
        lanes[send.device].append((at_s, send))
    for device, sends in lanes.items():
        rate = 50_000 if device else 200_000
        total = sum(send.size_bytes for _, send in sends[:-1])
        assert total <= (sends[-1][0] - sends[0][0] + CREDIT_S) * rate + 1
        for root in {send.root for _, send in sends}:
            order = [send.number for _, send in sends if send.root == root]
            assert order == sorted(order)


def test_five_hundred_wants_for_everything_become_one_pass() -> None:
    world, everything = World(), frozenset(range(INDEX, 7))
    for number in range(500):
        world.want(f"d{number}", "r", everything)
    world.run(10.0)

    assert [send.number for _, send in world.sends] == sorted(everything)
    assert {send.device for _, send in world.sends} == {None}


def test_what_many_ask_for_again_and_again_goes_to_all_ever_more_rarely() -> None:
    world = World()
    world.queue.announce(INDEXES["r"], world.audience(), world.now_s)
    world.run(2.0)
    while world.now_s < 220.0:
        for device in "abcdef":
            world.want(device, "r", frozenset({3}))
        world.run(1.5)

    at = [at_s for at_s, send in world.sends if send.number == 3]
    gaps = [after - before for before, after in itertools.pairwise(at)]
    assert gaps[0] < 4.0
    assert all(gap >= limit for gap, limit in zip(gaps[1:], (4.0, 8.0, 16.0, 32.0, 60.0), strict=False))
    assert len(at) == 6
    assert {send.device for _, send in world.sends} == {None}


def test_scattered_losses_of_many_devices_go_to_each_alone() -> None:
    world = World()
    for number in range(70):
        world.want(f"d{number}", "r", frozenset({number % 7}))
    world.run(10.0)

    assert len(world.sends) == 70
    assert all(send.device is not None for _, send in world.sends)


def test_wants_while_a_pass_runs_add_only_what_it_has_passed_by() -> None:
    world, index = World(), INDEXES["r"]
    world.queue.announce(index, world.audience(), world.now_s)
    world.run(0.1)
    passed = {send.number for _, send in world.sends}
    assert 2 < len(passed) < 8
    world.now_s += 5.0  # what was sent is no more on its way
    for device in "abc":
        world.want(device, "r", frozenset(range(INDEX, 7)))
    world.run(10.0)

    counts = Counter(send.number for _, send in world.sends)
    assert counts == {number: 1 + (number in passed) for number in range(INDEX, 7)}
    assert {send.device for _, send in world.sends} == {None}


def test_a_want_that_left_before_its_chunk_came_brings_it_not_again_but_a_later_one_does() -> None:
    world = World()
    world.want("a", "r", frozenset({3}))
    world.run(0.5)
    world.want("a", "r", frozenset({3}))
    world.run(0.9)
    assert len(world.sends) == 1
    world.want("a", "r", frozenset({3}))
    world.run(1.0)

    assert len(world.sends) == 2


def test_a_want_that_waited_here_counts_as_of_when_it_came() -> None:
    world, asker = World(), Asker("a", 50_000, 1.0)
    world.want("a", "r", frozenset({3}))
    world.run(0.5)
    world.now_s += 10.0
    world.queue.want(asker, INDEXES["r"], world.audience(), bits_of([3]), world.now_s, asked_s=100.1)
    world.run(1.0)

    assert len(world.sends) == 1


def test_the_newest_want_of_a_device_replaces_the_earlier_one() -> None:
    world = World()
    world.want("a", "r", frozenset(range(7)), alone=True)
    world.run(0.5)
    sent = {send.number for _, send in world.sends}
    assert 0 < len(sent) < 6
    world.want("a", "r", frozenset({6}), alone=True)
    world.run(5.0)

    assert {send.number for _, send in world.sends} == sent | {6}


def test_the_asset_needed_soonest_goes_first() -> None:
    world = World()
    for name, due_s in (("r", 900.0), ("s", 10.0)):
        world.queue.announce(INDEXES[name], Audience("u-x", 200_000, world.now_s + due_s), world.now_s)
    world.run(10.0)

    assert [send.root for _, send in world.sends] == [INDEXES["s"].root] * 8 + [INDEXES["r"].root] * 8


def test_a_slow_device_delays_nobody_else() -> None:
    world = World()
    slow = Asker("slow", 1_000, 6.0, alone=True)
    world.queue.want(slow, INDEXES["r"], world.audience(), bits_of(range(7)), world.now_s)
    world.queue.announce(INDEXES["s"], world.audience(), world.now_s)
    world.run(2.0)

    assert sum(send.root == INDEXES["s"].root for _, send in world.sends) == 8
    assert sum(send.device == "slow" for _, send in world.sends) == 1


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    world = World()
    for number in range(50):
        world.want(f"d{number}", "r", frozenset({number % 7}))
    world.queue.announce(INDEXES["s"], world.audience(), world.now_s)
    world.run(content_queue.WANT_LIFE_S)
    world.run(2 * content_queue.TIDY_S)
    world.run(content_queue.WANT_LIFE_S)
    world.queue.next(world.now_s)
    world.now_s += content_queue.TIDY_S
    world.queue.next(world.now_s)

    assert world.queue.size == (0, 0, 0)


def test_beyond_the_limit_new_askers_are_refused_and_known_ones_served(monkeypatch) -> None:
    monkeypatch.setattr(content_queue, "MAX_WANTS", 2)
    world = World()
    world.want("a", "r", frozenset({0}))
    world.want("b", "r", frozenset({0}))

    refused = world.queue.want(Asker("c", 1000, 1.0), INDEXES["r"], world.audience(), bits_of([0]), world.now_s)
    known = world.queue.want(Asker("a", 1000, 1.0), INDEXES["s"], world.audience(), bits_of([0]), world.now_s)

    assert not refused
    assert not known
    world.want("a", "r", frozenset({1}))


def test_content_that_cannot_be_read_is_let_go() -> None:
    world = World()
    world.queue.announce(INDEXES["r"], world.audience(), world.now_s)
    world.want("a", "r", frozenset({0}), alone=True)
    world.queue.forget(INDEXES["r"].root)
    world.run(60.0)

    assert world.sends == []
    assert world.queue.size[1] == 0
