"""What a device sounds by its languages: in their order, all of them, nothing else, and exactly as long as it says."""

from datetime import timedelta
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from controller.broadcasts.rules import Sound, length_ms
from edge_agent.player import wire
from edge_agent.programmes import Catalogue
from loa_protocol.documents.plan import (
    Broadcast,
    ChimeSegment,
    ContentSegment,
    PauseSegment,
    Plan,
    RelaySegment,
    Segments,
)
from loa_protocol.spoken import every_ref, parts_of, refs_of, sound_ms
from loa_protocol.timeline import agenda_of, turn_length_ms
from tests.property.timeline_world import END, T0, manifest

TONGUES = ("vi", "hmn", "km", "tay")
refs = st.integers(1, 40).map(lambda n: f"s-{n * 500}")
languages = st.lists(st.sampled_from(TONGUES), unique=True, max_size=4).map(tuple)
sounds = st.builds(ContentSegment, ref=refs, variants=st.dictionaries(st.sampled_from(TONGUES), refs, max_size=3))
segments = st.lists(
    sounds
    | sounds
    | st.builds(ChimeSegment, name=st.just("opening"), duration_ms=st.just(2225))
    | st.builds(PauseSegment, duration_ms=st.integers(1, 5000))
    | st.builds(
        RelaySegment,
        url=st.just("https://example.org/live"),
        duration_ms=st.integers(1000, 9000),
        at_ms=st.none() | st.integers(0, 60_000),
    ),
    min_size=1,
    max_size=6,
).map(tuple)


def lasts(ref: str) -> int:
    return int(ref[2:])


def broadcast_of(made: Segments, repeats: int = 1) -> Broadcast:
    return Broadcast(
        id="b-1", start=T0, latest_start=T0, duration_ms=600_000, segments=made, repeats=repeats, stagger=True
    )


def plan_of(broadcast: Broadcast) -> Plan:
    end = END + timedelta(days=9)
    return Plan(
        scope="u-a",
        version=1,
        issued=T0,
        expires=end,
        horizon=end,
        broadcasts=(broadcast,),
        manifest=manifest([broadcast]),
    )


@given(sounds, languages)
def test_the_order_of_a_devices_languages_is_the_order_of_sound(sound: ContentSegment, spoken: tuple[str, ...]) -> None:
    heard = refs_of(sound, spoken)

    wanted = [sound.variants[one] for one in spoken if one in sound.variants]
    assert heard == (tuple(dict.fromkeys(wanted)) if wanted else (sound.ref,))
    assert set(heard) <= every_ref([sound])


@given(segments, languages, st.integers(1, 3))
def test_nothing_is_fetched_that_is_not_played_and_everything_that_is(
    made: Segments, spoken: tuple[str, ...], repeats: int
) -> None:
    plan = plan_of(broadcast_of(made, repeats))
    catalogue = Catalogue([plan], spoken)
    [item] = agenda_of([plan], languages=spoken).items.values()
    programme = catalogue.programme(item)
    assert programme is not None

    fetched = {content.root for content, _ in catalogue.needs(lambda _: False, T0)}

    played = [source for source in programme.sources(Path) if isinstance(source, wire.Content)]
    assert fetched == {source.path for source in played}
    assert [content.root for content in map(plan.manifest.__getitem__, heard(made, spoken))] == [
        source.path for source in played
    ]


def heard(made: Segments, spoken: tuple[str, ...]) -> list[str]:
    return [ref for segment in made if isinstance(segment, ContentSegment) for ref in refs_of(segment, spoken)]


@given(segments, languages, st.integers(1, 3))
def test_what_the_player_is_given_lasts_as_long_as_the_timeline_says(
    made: Segments, spoken: tuple[str, ...], repeats: int
) -> None:
    broadcast = broadcast_of(made, repeats)
    plan = plan_of(broadcast)
    [item] = agenda_of([plan], languages=spoken).items.values()
    programme = Catalogue([plan], spoken).programme(item)
    assert programme is not None

    lengths = [one.duration_ms or 0 for one in programme.sources(Path) if not isinstance(one, wire.Chime)]
    lengths += [2225 for one in programme.sources(Path) if isinstance(one, wire.Chime)]

    varies = any(isinstance(one, ContentSegment) and one.variants for one in made)
    assert item.duration_ms == (sum(lengths) * repeats if varies else broadcast.duration_ms)
    assert item.turn_ms == turn_length_ms(broadcast)


@given(
    st.lists(sounds, min_size=1, max_size=4).map(tuple), languages, st.integers(0, 60_000), st.integers(1000, 90_000)
)
def test_a_relay_that_names_its_place_ends_where_it_was_planned_to_end(
    said: tuple[ContentSegment, ...], spoken: tuple[str, ...], at_ms: int, length_ms: int
) -> None:
    relay = RelaySegment(url="https://example.org/live", duration_ms=length_ms, at_ms=at_ms)
    made = (*said, relay)
    before_ms = sum(map(lasts, heard(made, spoken)))

    parts = parts_of(made, manifest([broadcast_of(made)]), spoken)

    varies = any(one.variants for one in said)
    total_ms = sum(lasts(part.ref) if isinstance(part, ContentSegment) else part.duration_ms for part in parts)
    late = before_ms > at_ms + length_ms - 1000
    assert total_ms == (before_ms + length_ms if not varies else before_ms if late else at_ms + length_ms)


@given(segments, st.sets(languages, max_size=4), st.integers(1, 3))
def test_no_device_needs_longer_than_its_controller_reckoned_with(
    made: Segments, classes: set[tuple[str, ...]], repeats: int
) -> None:
    named = [Sound(ref, ref, lasts(ref)) for ref in every_ref(made)]
    reckoned = length_ms(made, named, repeats, classes)
    broadcast = broadcast_of(made, repeats)

    for spoken in classes:
        if any(isinstance(one, ContentSegment) and one.variants for one in made):
            assert sound_ms(broadcast, plan_of(broadcast).manifest, spoken) <= reckoned
    assert reckoned > 0


@given(segments, languages)
def test_what_no_manifest_tells_the_length_of_counts_as_the_longest(made: Segments, spoken: tuple[str, ...]) -> None:
    assume(heard(made, spoken))
    broadcast = broadcast_of(made)

    assert sound_ms(broadcast, {}, spoken) == broadcast.duration_ms
