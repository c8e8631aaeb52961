"""Why an item of a source system is refused; each carries the field of the bulletin that is at fault."""

from loa_protocol.errors import LoaError


class SourcesInvalid(LoaError):
    """The list of sources cannot be used; the controller does not start."""

    code = "sources_invalid"


class SourceUnusable(LoaError):
    """A source's folder or owning unit is not there; its items wait."""

    code = "source_unusable"


class SourceRefused(LoaError):
    """An item is not broadcast; a subclass says why, `field` where."""

    code = "source_refused"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)
        self.field = field


class SourceMalformed(SourceRefused):
    """The file is not a bulletin of this format."""

    code = "source_malformed"


class SourceFileRefused(SourceRefused):
    """A file is not a plain file of this folder, or is too large."""

    code = "source_file_refused"


class SourceAudioMissing(SourceRefused):
    """The sound file is not in the folder."""

    code = "source_audio_missing"


class SourceAudioMismatch(SourceRefused):
    """The sound file does not have the SHA-256 that the bulletin names."""

    code = "source_audio_mismatch"


class SourceAreaUnknown(SourceRefused):
    """No unit, or more than one, has this official code."""

    code = "source_area_unknown"


class SourceAreaRefused(SourceRefused):
    """The area is not one this source may speak to."""

    code = "source_area_refused"


class SourceLevelRefused(SourceRefused):
    """The level is not one this source may use."""

    code = "source_level_refused"


class SourceTooLate(SourceRefused):
    """Its time, or its validity, has passed."""

    code = "source_too_late"


class SourceWindowInvalid(SourceRefused):
    """The instants of the bulletin contradict each other, or lie too far ahead."""

    code = "source_window_invalid"


class SourceNeedsAudio(SourceRefused):
    """Only text, and no board in the areas to show it."""

    code = "source_needs_audio"


class SourceNeedsText(SourceRefused):
    """Neither sound nor text; or only sound, and no loudspeaker in the areas."""

    code = "source_needs_text"


class SourceItemChanged(SourceRefused):
    """The id is known with other content, and the revision is not higher."""

    code = "source_item_changed"


class SourceItemOlder(SourceRefused):
    """A newer revision of this id was accepted before."""

    code = "source_item_older"


class SourceItemUnknown(SourceRefused):
    """A withdrawal names no item of this source."""

    code = "source_item_unknown"


class SourceUnknown(LoaError):
    """This controller listens to no source of this name."""

    code = "source_unknown"
