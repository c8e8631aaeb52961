"""Why something is not spoken. One class a reason; `code` is what API, logs and docs/operations.md call it."""

from loa_protocol.errors import LoaError


class SpeechError(LoaError):
    """Something cannot be spoken; a subclass says why."""

    code = "speech_error"


class SpeechConfigInvalid(SpeechError):
    """The list of voices cannot be used; the controller does not start."""

    code = "speech_config_invalid"


class ReadingRefused(SpeechError):
    """A reading is not the plain composed text that an engine may be given."""

    code = "reading_refused"


class ReadingTooLong(SpeechError):
    """A reading has more bytes than an engine takes at once, or more characters than a preview may have."""

    code = "reading_too_long"


class VoiceUnknown(SpeechError):
    """No voice has this name, or it speaks another language."""

    code = "voice_unknown"


class LanguageUnspoken(SpeechError):
    """No voice speaks the language; it is recorded."""

    code = "language_unspoken"


class SpeechFailed(SpeechError):
    """No voice of the language could speak; `details` has the reason of each."""

    code = "speech_failed"


class EngineError(SpeechError):
    """One voice could not speak this time; the next one is tried."""

    code = "engine_error"


class EngineMissing(EngineError):
    """What the engine needs is not installed."""

    code = "engine_missing"


class EngineFailed(EngineError):
    """The engine's process died, needed too much, took too long, or answered nonsense."""

    code = "engine_failed"


class VoiceFileUnusable(EngineError):
    """A voice's file is not there, is no voice, or is not the one whose SHA-256 was written down."""

    code = "voice_file_unusable"


class VoiceServiceFailed(EngineError):
    """A voice service did not answer with a sound."""

    code = "voice_service_failed"


class PhrasesIncomplete(EngineError):
    """The recorded phrases do not cover the whole reading."""

    code = "phrases_incomplete"


class PronunciationUnknown(SpeechError):
    """The unit's list has no such word."""

    code = "pronunciation_unknown"


class PronunciationsFull(SpeechError):
    """A unit's list of pronunciations has as many words as it may."""

    code = "pronunciations_full"


BY_CODE: dict[str, type[EngineError]] = {kind.code: kind for kind in (EngineMissing, EngineFailed, VoiceFileUnusable)}
"""The refusals that a child's answer may carry."""
