"""Devices of one class are computed once, which changes no answer; a change is charged with what it takes."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.timelines import rules
from controller.timelines.rules import Listener, Scene
from edge_agent.agenda import Merging
from loa_protocol.documents.device import DeviceKind
from loa_protocol.documents.plan import Plan
from loa_protocol.documents.policy import Policy
from loa_protocol.receipts import Occurrence
from loa_protocol.timeline import compute
from tests.property.timeline_world import END, T0, TRUSTED, manifest, plans, policies, tongues

SCOPES = ("u-a", "u-b", "g-c", "d-x")


def _scene(made: list[Plan], ruled: list[Policy]) -> Scene:
    known = manifest(broadcast for plan in made for broadcast in plan.broadcasts)
    return Scene({one.scope: one for one in made}, {one.scope: one for one in ruled}, manifest=known)


listeners = st.builds(
    Listener,
    device=st.uuids().map(str),
    kind=st.just(DeviceKind.SPEAKER),
    scopes=st.frozensets(st.sampled_from((*SCOPES, "u-silent", "g-silent"))),
    languages=tongues,
    stagger_ms=st.sampled_from([0, 0, 700]),
    turn=st.sampled_from([0, 0, 2]),
)
scenes = st.builds(_scene, st.lists(plans(), max_size=3), st.lists(policies(), max_size=2))


@given(scenes, st.lists(listeners, min_size=1, max_size=6), st.integers(0, 300))
def test_a_class_is_told_what_each_of_its_devices_would_be_told_alone(
    scene: Scene, many: list[Listener], minutes: int
) -> None:
    now = T0 + timedelta(minutes=minutes)
    classes = scene.classes(many)

    assert sorted(device for held in classes.values() for device in held) == sorted(one.device for one in many)
    for alike, devices in classes.items():
        told = scene.foresee(alike, now=now, until=END)
        for one in (one for one in many if one.device in devices):
            alone = Scene(
                {scope: plan for scope, plan in scene.plans.items() if scope in one.scopes},
                {scope: policy for scope, policy in scene.policies.items() if scope in one.scopes},
                manifest=scene.manifest,
            )
            [mine] = alone.classes([one])
            assert alone.foresee(mine, now=now, until=END) == told


@given(scenes, listeners, st.integers(0, 300))
def test_a_device_plays_by_its_own_manifest_what_the_controller_foresees_for_its_languages(
    scene: Scene, one: Listener, minutes: int
) -> None:
    now = T0 + timedelta(minutes=minutes)
    held = tuple(plan for scope, plan in scene.plans.items() if scope in one.scopes)
    device = compute(
        Merging().agenda(held, one.languages, frozenset()),
        scene.policy(one.scopes),
        {},
        clock=TRUSTED,
        now=now,
        kind=one.kind,
        stagger_ms=one.stagger_ms,
        turn=one.turn,
        horizon=END - now,
    )
    [alike] = scene.classes([one])

    foreseen = scene.foresee(alike, now=now, until=END, history={})

    assert foreseen.verdicts == device.verdicts
    assert [(s.occurrence, s.begin, s.end) for s in foreseen.segments] == [
        (s.occurrence, s.begin, s.end) for s in device.segments
    ]


@given(scenes, listeners)
def test_what_nobody_changed_loses_nothing(scene: Scene, one: Listener) -> None:
    [alike] = scene.classes([one])
    same = rules.with_changes(scene, {}, frozenset(), now=T0)

    lost = rules.losses(
        scene.foresee(alike, now=T0, until=END), same.foresee(alike, now=T0, until=END), frozenset[Occurrence]()
    )

    assert lost == []


@given(scenes, plans(), listeners)
def test_a_loss_is_of_something_that_was_to_be_heard_and_is_heard_later_or_otherwise_now(
    scene: Scene, more: Plan, one: Listener
) -> None:
    changed = frozenset(Occurrence(id=broadcast.id) for broadcast in more.broadcasts)
    after = rules.with_changes(scene, {more.scope: more.broadcasts}, frozenset(), now=T0)
    [alike] = after.classes([one])
    was, then = scene.foresee(alike, now=T0, until=END), after.foresee(alike, now=T0, until=END)

    for loss in rules.losses(was, then, changed):
        assert loss.item.occurrence not in changed
        assert rules.begins(was)[loss.item.occurrence][0] == loss.begin
        assert loss.then is None or loss.then > loss.begin or loss.verdict != was.verdicts[loss.item.occurrence]


@given(scenes, listeners, st.integers(0, 300))
def test_what_was_due_counts_as_heard_and_does_not_sound_again(scene: Scene, one: Listener, minutes: int) -> None:
    now = T0 + timedelta(minutes=minutes)
    [alike] = scene.classes([one])
    history = rules.supposed(scene.agenda(alike), alike, now)

    told = scene.foresee(alike, now=now, until=END)

    over = {occurrence for occurrence, past in history.items() if past.outcome is not None}
    assert not over & {segment.occurrence for segment in told.segments}
