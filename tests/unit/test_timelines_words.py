"""Every word of the timeline and every reason a device gives has its sentence, in both languages."""

import re

from controller.timelines import words
from loa_protocol.documents.plan import ContentSegment
from loa_protocol.outcomes import Reason
from loa_protocol.timeline import answers

GAPS = {"by": "“X”", "whose": "Xã An Bình", "detail": "allowed only 05:00-21:00"}


def test_every_word_for_a_rule_has_a_sentence() -> None:
    told = re.search(r"because`: (.*?), not_for_device", answers.__doc__ or "", re.DOTALL)
    assert told is not None
    named = set(re.split(r"[,;]\s+", told[1])) | {"not_for_device"}

    lacking = named - words.BECAUSE.keys()

    assert not lacking
    assert len(named) > 15


def test_every_reason_of_a_device_has_a_sentence() -> None:
    assert {str(reason) for reason in Reason} <= words.REASONS.keys()


def test_sentences_fill_their_gaps_in_both_languages() -> None:
    for sentence in (*words.BECAUSE.values(), *words.REASONS.values(), words.HEARD, words.COMING, words.AWAITED):
        told = sentence.with_(**GAPS)

        assert "{" not in told.vi + told.en
        assert told.vi != told.en


def test_what_will_play_is_told_with_its_languages_where_devices_differ_in_that() -> None:
    spoken = (ContentSegment(ref="chung", variants={"hmn": "mong", "vi": "viet", "xx": "la"}),)

    told = [words.coming(spoken, languages) for languages in (("hmn", "km", "vi"), ("xx",), ("km", "yy"))]

    assert [one.vi for one in told] == [
        "Sẽ phát bằng tiếng Mông, Việt.",
        "Sẽ phát bằng tiếng xx.",
        "Sẽ phát bản chung, vì không có bản tiếng Khmer, yy.",
    ]
    assert told[0].en == "Will play in Hmong, Vietnamese."
    assert words.coming((ContentSegment(ref="chung"),), ("vi",)) == words.COMING
