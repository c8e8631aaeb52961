"""Why an image or video was refused. One class a reason; `code` is what API, logs and docs/operations.md call it."""

from controller.media.errors import MediaChildFailed, MediaChildLimit, MediaEmpty, MediaTimeout, MediaTooLarge
from loa_protocol.errors import LoaError


class PictureError(LoaError):
    """An image or video could not be taken in; a subclass says why."""

    code = "picture_error"


class PictureFormatRefused(PictureError):
    """The file is of a kind that is never opened: SVG, HTML, an archive, a document, a format off the list."""

    code = "picture_format_refused"


class PictureUnreadable(PictureError):
    """The file is damaged, or lies about what it is."""

    code = "picture_unreadable"


class PictureTruncated(PictureError):
    """The file ends before its picture does."""

    code = "picture_truncated"


class PictureTooManyPixels(PictureError):
    """The picture declares more pixels, or a longer side, than is allowed: too large, or a decompression bomb."""

    code = "picture_too_many_pixels"


class PictureTooSmall(PictureError):
    """A side of the picture has fewer pixels than anybody could recognise."""

    code = "picture_too_small"


class PictureMetadataTooLarge(PictureError):
    """The texts, profiles or other by-work of the file are too large, or unpack to too much."""

    code = "picture_metadata_too_large"


class PictureVerifyFailed(PictureError):
    """What was written, decoded again, is not the picture that went in."""

    code = "picture_verify_failed"


class VideoTooLong(PictureError):
    """The video declares, or turns out to have, more than the longest duration or the most frames allowed."""

    code = "video_too_long"


class VideoEmpty(PictureError):
    """The file has no video stream, or nothing of it can be decoded."""

    code = "video_empty"


BY_CODE: dict[str, type[LoaError]] = {
    kind.code: kind
    for kind in (
        PictureFormatRefused,
        PictureUnreadable,
        PictureTruncated,
        PictureTooManyPixels,
        PictureTooSmall,
        PictureMetadataTooLarge,
        PictureVerifyFailed,
        VideoTooLong,
        VideoEmpty,
        MediaChildLimit,
        MediaEmpty,
        MediaTooLarge,
        MediaTimeout,
        MediaChildFailed,
    )
}
"""The refusals that an answer of the child, or the parent, may carry."""
