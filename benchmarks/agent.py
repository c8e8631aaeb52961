"""One agent, unshared and real: how soon it sounds what is due, starts, what it takes, how exactly it keeps an instant.

- Reaction: a signed plan whose broadcast is due now, from its bytes at the agent's socket to the first sample. "First
  sample" is the first frame of the clip in a block that the mixer has rendered and the output has taken (the capture
  file's sidecar stamps it); the converter follows a fixed buffer later, which is told in a note. Between lie the
  verification, the commit of floor and document, the timeline, decoding, the commit of `started`, the hand-over to the
  player and the wait for its next 10 ms block. The bulletin is in the cache, three minutes long. Beside it, after each
  repetition, its bare parts: an Ed25519 verification, two SQLite commits of the same sizes, decoding 200 ms, a line
  through a pipe to a process that writes blocks of 10 ms.
- Start, memory, skew: see `agent_footprint` and `agent_skew`.
"""

import random
import tempfile
import time
from pathlib import Path

from benchmarks.agent_footprint import board_figures, memory_figures, start_figures
from benchmarks.agent_raw import RawParts
from benchmarks.agent_rig import OneAgent
from benchmarks.agent_skew import skew_figures
from benchmarks.measuring import Figure, Options, Report, at_most, percentile
from loa_protocol.documents.plan import Broadcast
from tests.acceptance.rig import wait_for
from tests.acceptance.rig_audio import ALSA_DEVICE, PulseRig

REACTION_GOAL_MS = 40.0
_COMING = 20
_HOUR_S = 3600.0
_UNWATCHED_S = 0.15
_PLUGINS = (
    "memory, ALSA: PortAudio loads every ALSA plugin of the test rig (PulseAudio, encoders), which a receiver "
    "with a plain card has not; their pages count in “alone”"
)
_STAGES = (
    ("of it: verified, committed, in force, p50", ("verify", "commit")),
    ("of it: timeline, decoding, `started`, handed over, p50", ("decode", "commit")),
    ("of it: pipe, next block, written, p50", ("block",)),
)


def run(options: Options) -> Report:
    """All parts, one after the other."""
    repetitions, starts, lives = (20, 20, 3) if options.quick else (200, 100, 10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with OneAgent(folder / "file") as one:
            one.start()
            figures, notes = reaction(one, repetitions, random.Random(options.seed))  # noqa: S311 - spreads instants
            skew, said = skew_figures(one, "capture file", starts)
            figures += [*start_figures(one, lives), *memory_figures(one, "capture file"), *skew]
            notes += said
        with OneAgent(folder / "board", board=True) as one:
            figures += board_figures(one)
        output = {"kind": "alsa", "device": ALSA_DEVICE}
        with (
            PulseRig(folder / "pulse") as pulse,
            OneAgent(folder / "alsa", output=output, environment=pulse.environment()) as one,
        ):
            one.start()
            skew, said = skew_figures(one, "ALSA", starts)
            figures += [*memory_figures(one, "ALSA", foreign=True), *skew]
            notes += [*said, _PLUGINS]
    return Report("agent", figures, notes=notes)


def reaction(one: OneAgent, repetitions: int, chance: random.Random) -> tuple[list[Figure], list[str]]:
    """A plan that is due now, again and again, each followed by its raw parts."""
    coming = [one.broadcast(f"coming-{number}", in_s=_HOUR_S * (number + 1)) for number in range(_COMING)]
    ours, stages, raw, buffers_ms = [], [], [], []
    with RawParts(one.folder, one.bulletin_file, one.controller.plan_key) as parts:
        for number in range(repetitions):
            time.sleep(chance.uniform(0.0, 0.04))  # any phase of the 10 ms blocks
            name = f"now-{number}"
            envelope, first = _sound_now(one, name, coming)
            received_ns = one.tap.plans_ns[-1]
            ours.append((first["written_ns"] - received_ns) / 1e6)
            buffers_ms.append((first["monotonic_ns"] - first["written_ns"]) / 1e6)
            in_force_ns, handed_ns = one.stages_ns(received_ns)
            stages.append(
                [
                    (b - a) / 1e6
                    for a, b in zip(
                        (received_ns, in_force_ns, handed_ns),
                        (in_force_ns, handed_ns, first["written_ns"]),
                        strict=True,
                    )
                ]
            )
            _answered(one, name)
            raw.append(parts.once(envelope))
    buffer_ms = percentile(buffers_ms, 0.5)
    note = f"a plan of {_COMING + 1} broadcasts, {len(envelope)} bytes; the converter of the capture file is "
    note += f"{buffer_ms:.0f} ms behind its mixer, that of an ALSA card about one buffer of 20 ms"
    return _reaction_figures(ours, stages, raw), [note]


def _sound_now(one: OneAgent, name: str, coming: list[Broadcast]) -> tuple[bytes, dict[str, int]]:
    envelope = one.send([one.broadcast(name, in_s=0.0), *coming])
    time.sleep(_UNWATCHED_S)  # looking for the sound must not compete with what is timed
    first: dict[str, int] = wait_for(lambda: one.first_sample(name), f"{name} sounds")
    return envelope, first


def _answered(one: OneAgent, name: str) -> None:
    wait_for(lambda: one.controller.receipts(name), f"{name} is answered")


def _reaction_figures(
    ours: list[float], stages: list[list[float]], raw: list[tuple[float, float, float, float]]
) -> list[Figure]:
    sums = [sum(parts) for parts in raw]
    count = len(ours)
    goal = at_most(REACTION_GOAL_MS)
    figures = [
        Figure("due now: at the socket → first sample, p50", percentile(ours, 0.5), percentile(sums, 0.5), "ms", count),
        Figure(
            "due now: at the socket → first sample, p99",
            percentile(ours, 0.99),
            percentile(sums, 0.99),
            "ms",
            count,
            goal,
        ),
    ]
    bare = {
        name: percentile([parts[place] for parts in raw], 0.5)
        for place, name in enumerate(("verify", "commit", "decode", "block"))
    }
    bare["commit"] /= 2  # two are measured together, one belongs to each stage
    for place, (what, names) in enumerate(_STAGES):
        value = percentile([stage[place] for stage in stages], 0.5)
        figures.append(Figure(what, value, sum(bare[name] for name in names), "ms", count))
    return figures
