"""What the library refuses."""

from loa_protocol.errors import LoaError


class QuotaFull(LoaError):
    """A unit's library holds as many bytes as it may."""

    code = "library_quota_full"


class AssetGone(LoaError):
    """The bytes of an asset went after the retention period; what is known of it is still there."""

    code = "asset_gone"


class AssetOfOtherKind(LoaError):
    """An asset is not of the kind that is wanted here: a sound, an image or a video."""

    code = "asset_of_other_kind"


class UnitNeeded(LoaError):
    """Something is handed in for no unit, by somebody who acts for some units only."""

    code = "unit_needed"


class RetentionOff(LoaError):
    """No retention period is set, so nothing may go."""

    code = "retention_off"


class CursorBad(LoaError):
    """A list is asked to go on after something that is no place in it."""

    code = "cursor_bad"
