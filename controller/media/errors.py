"""Why a sound file was refused. One class a reason; `code` is what API, logs and docs/operations.md call it."""

from loa_protocol.errors import LoaError


class MediaError(LoaError):
    """A sound file could not be taken in; a subclass says why."""

    code = "media_error"


class MediaEmpty(MediaError):
    """The file has no bytes, or no sound was decoded from it."""

    code = "media_empty"


class MediaTooLarge(MediaError):
    """The file has more bytes than the profile allows."""

    code = "media_too_large"


class MediaFormatRefused(MediaError):
    """The file is of a kind that is never opened: text, a playlist, a format off the list."""

    code = "media_format_refused"


class MediaUnreadable(MediaError):
    """The file is damaged, or no decoder knows it."""

    code = "media_unreadable"


class MediaNoAudio(MediaError):
    """The file has no audio stream."""

    code = "media_no_audio"


class MediaBadChannels(MediaError):
    """The sound has no channel, or more than 8."""

    code = "media_bad_channels"


class MediaBadRate(MediaError):
    """The sampling rate is outside 8 to 192 kHz."""

    code = "media_bad_rate"


class MediaTooLong(MediaError):
    """The sound declares, or turns out to have, more than the longest duration allowed."""

    code = "media_too_long"


class MediaTooShort(MediaError):
    """The sound is too short to measure its loudness."""

    code = "media_too_short"


class MediaTruncated(MediaError):
    """The file ends before the sound it declares."""

    code = "media_truncated"


class MediaSilent(MediaError):
    """Nothing in the sound is loud enough to be heard or measured."""

    code = "media_silent"


class MediaVerifyFailed(MediaError):
    """An encoded file, decoded again, is not the sound that went in."""

    code = "media_verify_failed"


class MediaChildLimit(MediaError):
    """The child process needed more memory, processor time or disk than it may have."""

    code = "media_child_limit"


class MediaTimeout(MediaError):
    """The child process did not finish in time."""

    code = "media_timeout"


class MediaChildFailed(MediaError):
    """The child process died or answered nonsense: a fault of ours or of a decoder, not of the operator."""

    code = "media_child_failed"


class MediaBackendMissing(MediaError):
    """The chosen backend needs a program that is not installed; the controller does not start."""

    code = "media_backend_missing"


BY_CODE: dict[str, type[MediaError]] = {
    kind.code: kind
    for kind in (
        MediaEmpty,
        MediaTooLarge,
        MediaFormatRefused,
        MediaUnreadable,
        MediaNoAudio,
        MediaBadChannels,
        MediaBadRate,
        MediaTooLong,
        MediaTooShort,
        MediaTruncated,
        MediaSilent,
        MediaVerifyFailed,
        MediaChildLimit,
        MediaChildFailed,
    )
}
"""The refusals that an answer may carry; the others are the parent's own findings."""
