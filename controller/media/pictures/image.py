"""One image: decoded, turned upright, reduced, written anew without anything else, and read back. In the child only.

Nothing of the file but its pixels goes on: no metadata, no profile, no second frame, nothing that was hidden behind its
end. Pillow's own limits on unpacked texts and profiles stand; the pixels are counted before any is decoded.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageChops, ImageFile, ImageOps, ImageStat, PngImagePlugin, UnidentifiedImageError

from controller.media.pictures.errors import (
    PictureMetadataTooLarge,
    PictureTooManyPixels,
    PictureTooSmall,
    PictureTruncated,
    PictureUnreadable,
    PictureVerifyFailed,
)
from controller.media.pictures.profile import PictureProfile
from controller.media.pictures.signatures import IMAGES

FILE_NAME = "image.webp"
_DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    AttributeError,
    struct.error,
    zlib.error,
)
_METADATA = ("exif", "xmp", "XML:com.adobe.xmp", "photoshop", "comment", "adobe")
_ORIENTATION = 0x0112
_UPRIGHT = 1
_EFFORT = 4
_WEBP_HEAD_BYTES = 30
_CHANNELS = 4


def prepare() -> None:
    """Load every codec now: later this process may open no file any more."""
    Image.MAX_IMAGE_PIXELS = None  # counted here, in words of ours
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_CHUNK = 1024 * 1024
    PngImagePlugin.MAX_TEXT_MEMORY = 8 * 1024 * 1024
    Image.init()
    sample = Image.new("RGBA", (9, 9), (1, 2, 3, 4))
    for name in IMAGES:
        written = io.BytesIO()
        sample.convert("RGB").save(written, name)
        Image.open(io.BytesIO(written.getvalue()), formats=[name]).load()
    ImageOps.exif_transpose(sample)


class Taken:
    """What an image became."""

    def __init__(self, image: Image.Image, source: dict[str, str | int], findings: dict[str, int]) -> None:
        self.image, self.source, self.findings = image, source, findings


def take(opened: BinaryIO, name: str, profile: PictureProfile) -> Taken:
    """Decode the first frame, upright and no larger than is shown anywhere.

    Raises:
        PictureError: a subclass says why not.
    """
    with _translated(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a hostile file's oddities are no news of ours
        if name == "WEBP":  # its decoder makes room for the whole canvas as soon as it is opened
            _require_bounded(*_canvas(opened, profile), profile)
        image = Image.open(opened, formats=[name])
        _require_bounded(image.width, image.height, profile)
        source: dict[str, str | int] = {
            "format": name,
            "width_px": image.width,
            "height_px": image.height,
            "mode": image.mode,
        }
        findings = _found(image)
        if name == "JPEG":
            image.draft(None, (2 * profile.longest_side_px, 2 * profile.longest_side_px))
        image.load()
        upright = _upright(image, findings)
        pixels = _reduced(_plain(upright), profile, findings)
    return Taken(pixels, source, findings)


def write(image: Image.Image, folder: Path, profile: PictureProfile) -> Path:
    """The one rendition, proven to be this image.

    Raises:
        PictureVerifyFailed: it is not.
    """
    lossless = _webp(image, quality=75, lossless=True)
    lossy = lossless if len(lossless) <= profile.lossless_always_bytes else _webp(image, quality=profile.quality)
    data = lossless if len(lossless) <= profile.lossless_share * len(lossy) else lossy
    again = Image.open(io.BytesIO(data), formats=["WEBP"]).convert("RGBA")
    if again.size != image.size or mean_error(image, again) > profile.mean_error_most:
        raise PictureVerifyFailed("the image that was written is not the one that was read; report this file")
    path = folder / FILE_NAME
    path.write_bytes(data)
    return path


def mean_error(one: Image.Image, other: Image.Image) -> float:
    """How far the pixels lie apart, 0 to 255 on average over all channels, as they look on black."""
    difference = ImageChops.difference(_on_black(one), _on_black(other))
    return float(sum(ImageStat.Stat(difference).mean)) / len(difference.getbands())


def _on_black(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _require_bounded(width_px: int, height_px: int, profile: PictureProfile) -> None:
    if width_px * height_px > profile.max_pixels or max(width_px, height_px) > profile.max_side_px:
        raise PictureTooManyPixels(
            f"the picture declares {width_px} x {height_px} pixels, {profile.max_pixels // 1_000_000} million"
            f" and {profile.max_side_px} on a side are allowed; make it smaller first",
            width_px=width_px,
            height_px=height_px,
        )
    if min(width_px, height_px) < profile.min_side_px:
        raise PictureTooSmall(
            f"the picture has {width_px} x {height_px} pixels, at least {profile.min_side_px} on each side are needed",
            width_px=width_px,
            height_px=height_px,
        )


def _canvas(opened: BinaryIO, profile: PictureProfile) -> tuple[int, int]:
    """What an extended WebP declares; a simple one is bounded by its format."""
    head = opened.read(_WEBP_HEAD_BYTES)
    opened.seek(0)
    if head[12:16] != b"VP8X" or len(head) < _WEBP_HEAD_BYTES:
        return profile.min_side_px, profile.min_side_px
    return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")


def _found(image: Image.Image) -> dict[str, int]:
    """What is left out, by name; nothing here is decoded."""
    findings = {}
    if getattr(image, "is_animated", False):
        findings["animated"] = 1
    if image.info.get("icc_profile"):
        findings["colour_profile_dropped"] = len(image.info["icc_profile"])
    if dropped := sum(len(image.info[key]) for key in _METADATA if isinstance(image.info.get(key), bytes | str)):
        findings["metadata_dropped"] = dropped
    return findings


def _upright(image: Image.Image, findings: dict[str, int]) -> Image.Image:
    """Turned as the camera was held; an EXIF block that cannot be read turns nothing."""
    try:
        turned = image.getexif().get(_ORIENTATION, _UPRIGHT)
        upright = ImageOps.exif_transpose(image)
    except (ValueError, TypeError, KeyError, SyntaxError, OverflowError, AttributeError):
        return image
    if turned != _UPRIGHT:
        findings["rotated"] = 1
    return upright


def _plain(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is transparent."""
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    plain = image.convert("RGBA" if transparent else "RGB")
    if plain.mode == "RGBA" and plain.getextrema()[_CHANNELS - 1] == (255, 255):
        plain = plain.convert("RGB")
    plain.info.clear()
    return plain


def _reduced(image: Image.Image, profile: PictureProfile, findings: dict[str, int]) -> Image.Image:
    if max(image.size) <= profile.longest_side_px:
        return image
    findings["reduced"] = max(image.size)
    scale = profile.longest_side_px / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(image: Image.Image, *, quality: int, lossless: bool = False) -> bytes:
    written = io.BytesIO()
    image.save(written, "WEBP", quality=quality, lossless=lossless, method=_EFFORT, exact=False)
    return written.getvalue()


@contextmanager
def _translated() -> Iterator[None]:
    """Pillow says what is wrong with a file in many ways."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise PictureUnreadable("the picture cannot be read; it is damaged, or not what it begins like") from error
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _said(error) from error


def _said(error: Exception) -> Exception:
    words = str(error).lower()
    if "max_text" in words or "decompressed data too large" in words or "too large" in words:
        return PictureMetadataTooLarge(
            "the texts or profiles in the picture unpack to too much; export it without them"
        )
    if "truncated" in words or "broken data stream" in words or isinstance(error, EOFError):
        return PictureTruncated("the picture ends too early; copy the file again from its source")
    return PictureUnreadable("the picture cannot be decoded; it is damaged, or made to do harm")
