"""How a reading is cut, who says it, which phrases make it up, and what the list of voices may hold."""

from pathlib import Path

import pytest

from controller.speech import config, phrase_rules, piper_voice, readings, rules
from controller.speech.config import PiperVoice, ServiceVoice
from controller.speech.errors import (
    LanguageUnspoken,
    ReadingRefused,
    ReadingTooLong,
    SpeechConfigInvalid,
    VoiceFileUnusable,
    VoiceUnknown,
)
from controller.speech.piper_voice import PiperConfig
from controller.speech.port import SpokenText, Voice
from controller.speech.rules import Piece

KNOWN = [
    Voice("phrases/xa", "vi", "", ""),
    Voice("piper/lan", "vi", "", "", missing="gone"),
    Voice("espeak/vi", "vi", "", ""),
    Voice("espeak/en", "en", "", ""),
]


def test_every_sentence_ends_where_it_ends_and_only_pauses_lie_between() -> None:
    text = "Bà con chú ý! “Nước lên rồi.” Đi ngay…\nHết."

    cut = rules.pieces(text, 400)

    assert cut == (
        Piece("Bà con chú ý! ", 400),
        Piece("“Nước lên rồi.” ", 400),
        Piece("Đi ngay…\n", 400),
        Piece("Hết.", 0),
    )


def test_a_sign_inside_a_word_ends_no_sentence() -> None:
    assert rules.sentences("Gọi a.b, không phải 3.5.") == ("Gọi a.b, không phải 3.5.",)


def test_signs_without_words_are_no_sentence_of_their_own() -> None:
    assert rules.sentences("Một. … \n - \nHai. …") == ("Một. ", "… \n - \nHai. …")


def test_a_sentence_too_long_for_one_breath_is_parted_at_commas_then_between_words() -> None:
    cut = rules.pieces("Một hai ba, bốn năm. Sáu bảy tám chín mười", 400, most=14)

    assert cut == (
        Piece("Một hai ba, ", 200),
        Piece("bốn năm. ", 400),
        Piece("Sáu bảy tám ", 200),
        Piece("chín mười", 0),
    )
    assert rules.pieces("a" * 30, 0, most=14) == (Piece("a" * 14, 0), Piece("a" * 14, 0), Piece("aa", 0))


@pytest.mark.parametrize(
    ("preferred", "wanted", "order"),
    [
        ((), None, ["phrases/xa", "piper/lan", "espeak/vi"]),
        (("espeak/vi", "gone/x", "espeak/en"), None, ["espeak/vi", "phrases/xa", "piper/lan"]),
        (("espeak/vi",), "piper/lan", ["piper/lan", "espeak/vi", "phrases/xa"]),
    ],
)
def test_the_wanted_voice_comes_first_then_the_preferred_then_all_others(
    preferred: tuple[str, ...], wanted: str | None, order: list[str]
) -> None:
    assert [voice.name for voice in rules.turns(KNOWN, "vi", preferred, wanted)] == order


def test_nobody_speaks_a_language_that_no_voice_has() -> None:
    with pytest.raises(LanguageUnspoken):
        rules.turns(KNOWN, "hmn", (), None)
    with pytest.raises(VoiceUnknown):
        rules.turns(KNOWN, "vi", (), "espeak/en")


@pytest.mark.parametrize(
    "text",
    ["", " \n", "A\u0309", "một\tba", "hai\x01ba", "ba\u202ebốn", "bốn\u200bnăm", "năm\r\nsáu", "\ufeffsáu"],
    ids=["empty", "blank", "decomposed", "tab", "embedded command", "override", "zero width", "carriage", "bom"],
)
def test_an_engine_is_given_nothing_but_plain_composed_text(text: str) -> None:
    with pytest.raises(ReadingRefused):
        SpokenText(text, "vi")


def test_a_reading_of_an_hour_is_refused_with_its_size() -> None:
    with pytest.raises(ReadingTooLong, match="65537 bytes"):
        SpokenText("ấ" * 21_845 + "ab", "vi")
    assert len(SpokenText("ấ" * 21_845 + "a", "vi").raw) == 65_536


@pytest.mark.parametrize("reading", ["<b>đi</b>", "đi &amp; về", "đi \u202ev\u1ec1", "đi 🚒", "\x01đi"])
def test_a_reading_that_cleaning_would_change_is_refused_not_changed(reading: str) -> None:
    with pytest.raises(ReadingRefused):
        readings.approved(reading)


def test_an_approved_reading_keeps_every_word_and_is_composed() -> None:
    assert readings.approved("  Ba\u0300 con  đi\t ngay…\r\nNước lên! ") == "Bà con đi ngay…\nNước lên!"


CLIPS = ["kính chào", "kính chào bà con", "bà con", "thôn Đoài", "Hôm nay", "đi họp", "con đi"]


def covered(text: str) -> phrase_rules.Cover:
    return phrase_rules.cover(text, [phrase_rules.words(clip) for clip in CLIPS])


def test_the_longest_phrases_cover_the_whole_reading() -> None:
    found = covered("Kính chào bà con thôn Đoài! Hôm nay, bà con đi họp.")

    spoken = [[" ".join(phrase) for phrase in sentence] for sentence in found.phrases]
    assert spoken == [["kính chào bà con", "thôn đoài"], ["hôm nay", "bà con", "đi họp"]]


def test_a_longer_phrase_is_left_where_only_shorter_ones_reach_the_end() -> None:
    clips = [phrase_rules.words(clip) for clip in ("a b c", "a", "b c d")]

    assert phrase_rules.cover("a b c d", clips).phrases == ((("a",), ("b", "c", "d")),)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Kính chào thôn Đông.", "thôn đông"),
        ("Kính chào. Bà con ơi.", "ơi"),
        ("Kính. Chào.", "kính"),
        ("bà con di họp", "di họp"),
    ],
    ids=["a word", "a later sentence", "not over a full stop", "no word without its mark"],
)
def test_what_is_not_covered_wholly_is_not_covered(text: str, missing: str) -> None:
    assert covered(text) == phrase_rules.Cover((), missing)


def test_letters_apart_from_their_marks_are_the_same_words() -> None:
    decomposed = "ba\u0300 con"

    assert phrase_rules.words(decomposed) == ("bà", "con")


SHA = "0" * 64
PIPER = f"  - {{name: lan, model: lan.onnx, sha256: '{SHA}', licence: CC0}}\n"
SERVICE = "  - {name: tinh, url: 'https://giong.example/v1', licence: hop dong}\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "voices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_of_voices_is_read_with_paths_beside_it(tmp_path: Path) -> None:
    text = f"order: [piper/lan, espeak/vi-south]\nspeed: 0.9\npiper:\n{PIPER}services:\n{SERVICE}"

    found = config.load(written(tmp_path, text), ["giong.example"])

    assert found.order == ("piper/lan", "espeak/vi-south")
    assert found.speed == 0.9
    assert found.piper == (PiperVoice(name="lan", model=str(tmp_path / "lan.onnx"), sha256=SHA, licence="CC0"),)
    assert found.piper[0].config_path == str(tmp_path / "lan.onnx.json")
    assert found.services == (ServiceVoice(name="tinh", url="https://giong.example/v1", licence="hop dong"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"services:\n{SERVICE}", "LOA_SPEECH_HOSTS"),
        (f"services:\n{SERVICE.replace('giong.example', 'allowed.example@giong.example')}", "LOA_SPEECH_HOSTS"),
        (f"services:\n{SERVICE.replace('https://giong', 'http://allowed')}", "https://"),
        (f"services:\n{SERVICE.replace('giong.example', 'allowed.example:x')}", "url"),
        (f"services:\n{SERVICE.replace('https://', 'file:///')}", "line 2"),
        (f"piper:\n{PIPER}{PIPER}", "same name"),
        (f"piper:\n{PIPER.replace('CC0', '')}", "line 2"),
        (f"piper:\n{PIPER.replace(SHA, 'abc')}", "sha256"),
        ("order: [lan]\n", "order"),
        ("speed: 9\n", "speed"),
        ("voice: x\n", "voice"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SpeechConfigInvalid, match=told):
        config.load(written(tmp_path, text), ["allowed.example"])


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpeechConfigInvalid, match="LOA_SPEECH"):
        config.load(tmp_path / "no.yaml", [])


def test_clauses_keep_the_sign_that_ends_them() -> None:
    text = "Nước lên, bà con chú ý: đi ngay… Hết"

    assert piper_voice.clauses(text) == [
        ("Nước lên", ","),
        ("bà con chú ý", ":"),
        ("đi ngay", "."),
        ("Hết", "."),
    ]


PIPER_CONFIG = PiperConfig(
    audio=piper_voice._Audio(sample_rate=22_050), phoneme_id_map={"_": [0], "a": [3], "\u0301": [4], "ab": [5]}
)


def test_sounds_that_a_voice_does_not_know_are_counted() -> None:
    assert piper_voice.codepoints("áxa", PIPER_CONFIG) == ([ord("a"), 0x301, ord("a")], 1)


def test_notes_on_foreign_words_are_not_spoken() -> None:
    assert piper_voice.without_switches("(en)hɛlˈoʊ(vi) tɕaːw") == "hɛlˈoʊ tɕaːw"


def test_a_model_is_copied_with_what_the_library_wants_to_know_at_its_end(tmp_path: Path) -> None:
    model = tmp_path / "lan.onnx"
    model.write_bytes(b"model")
    sha256 = "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"

    piper_voice.make_ready(model, sha256, PIPER_CONFIG, tmp_path)

    made = (tmp_path / piper_voice.MODEL).read_bytes()
    assert made.startswith(b"model\x72\x12\x0a\x0amodel_type\x12\x04vits\x72")
    assert b"\x0a\x0bsample_rate\x12\x0522050" in made
    assert (tmp_path / piper_voice.TOKENS).read_text() == "_ 0\na 3\n\u0301 4\n"


def test_a_model_that_is_another_than_was_written_down_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lan.onnx").write_bytes(b"other")

    with pytest.raises(VoiceFileUnusable, match="SHA-256"):
        piper_voice.make_ready(tmp_path / "lan.onnx", SHA, PIPER_CONFIG, tmp_path)
    with pytest.raises(VoiceFileUnusable, match="not there"):
        piper_voice.make_ready(tmp_path / "no.onnx", SHA, PIPER_CONFIG, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"audio": {"sample_rate": 1}, "phoneme_id_map": {"a": [1], "b": [2]}}'])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lan.onnx.json"
    path.write_text(text)

    with pytest.raises(VoiceFileUnusable, match=r"lan\.onnx\.json"):
        piper_voice.read_config(path)
