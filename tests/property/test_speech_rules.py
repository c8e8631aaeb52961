"""Whatever a reading is, its pieces are the reading, and phrases that cover it say just its words."""

from hypothesis import given
from hypothesis import strategies as st

from controller.speech import phrase_rules, rules

TEXTS = st.text(st.sampled_from("ab ấỡ.,;!?…:\n\"”)( 19-'’"), max_size=200)
WORDS = st.lists(st.sampled_from(["ba", "bà", "con", "họp", "đi"]), min_size=1, max_size=12)


@given(TEXTS, st.integers(0, 5_000), st.none() | st.integers(1, 60))
def test_pieces_put_together_are_the_reading(text: str, pause_ms: int, most: int | None) -> None:
    cut = rules.pieces(text, pause_ms, most)

    assert "".join(piece.text for piece in cut) == text
    assert cut[-1].pause_ms == 0
    assert most is None or all(len(piece.text) <= most for piece in cut)
    assert {piece.pause_ms for piece in cut[:-1]} <= {pause_ms, pause_ms // 2}


@given(TEXTS)
def test_every_sentence_of_several_has_words(text: str) -> None:
    cut = rules.sentences(text)

    assert len(cut) == 1 or all(any(sign.isalnum() for sign in one) for one in cut)


def fewest(said: tuple[str, ...], known: set[tuple[str, ...]]) -> int | None:
    """By trying everything."""
    if not said:
        return 0
    rests = [fewest(said[len(one) :], known) for one in known if said[: len(one)] == one]
    return min((rest + 1 for rest in rests if rest is not None), default=None)


@given(WORDS, st.lists(WORDS, max_size=8))
def test_a_cover_says_the_words_with_the_fewest_phrases(said: list[str], clips: list[list[str]]) -> None:
    known = {tuple(clip) for clip in clips}

    found = phrase_rules.cover(" ".join(said), known)

    wanted = fewest(tuple(said), known)
    if wanted is None:
        assert found.missing
        assert not found.phrases
    else:
        assert [word for phrase in found.phrases[0] for word in phrase] == said
        assert len(found.phrases[0]) == wanted
