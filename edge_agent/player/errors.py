"""What can go wrong between a cue and the loudspeaker, each with the stable code that appears in receipts."""

from loa_protocol.errors import LoaError


class PlayerError(LoaError):
    """The base of the player's errors."""

    code = "player_error"


class ContentMissingError(PlayerError):
    """The file of a cue is not there; fetch the content again."""

    code = "content_missing"


class ContentUndecodableError(PlayerError):
    """The file of a cue cannot be decoded as audio; re-hash it and fetch it again."""

    code = "content_undecodable"


class ContentTruncatedError(PlayerError):
    """The file of a cue is shorter than its manifest says; fetch the content again."""

    code = "content_truncated"


class OffsetPastEndError(PlayerError):
    """A cue should begin behind the end of its programme; nothing is left to play."""

    code = "offset_past_end"


class UnknownChimeError(PlayerError):
    """A cue names a chime that this player does not know; update the agent or the programme."""

    code = "chime_unknown"


class CueRefusedError(PlayerError):
    """A cue cannot be taken now: it is sounding already, or too many cues are prepared."""

    code = "cue_refused"


class OutputUnavailableError(PlayerError):
    """The sound output cannot be opened; check the device name, the sound server and libportaudio2."""

    code = "output_unavailable"


class PlayerUnavailableError(PlayerError):
    """The player process is not running; it is being restarted."""

    code = "player_unavailable"


class PrepareFailedError(PlayerError):
    """The player process answered that a cue cannot be played; `reason` is the code it gave."""

    code = "prepare_failed"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message, reason=reason)
        self.reason = reason
