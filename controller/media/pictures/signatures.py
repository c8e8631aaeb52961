"""What a file is by its first bytes, whatever it is called. Pure.

Only what is on the list is opened at all, and by the one decoder of its kind. Everything else is refused in words that
tell the officer what the file really is.
"""

import re
from typing import Final

from controller.media.pictures.errors import PictureFormatRefused
from controller.media.pictures.profile import PictureKind

HEAD_BYTES: Final = 1024
IMAGES: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
VIDEOS: Final = ("mov", "matroska", "avi")

_MARKUP = re.compile(rb"\A(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\x00]*<(?:\x00)?[!?a-zA-Z]")
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive (or an Office file)"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"#!", "a program"),
    (b"%!PS", "a PostScript document"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"8BPS", "a Photoshop file"),
    (b"gimp xcf", "a GIMP file"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"#EXTM3U", "a playlist"),
    (b"[playlist]", "a playlist"),
    (b"ID3", "a sound"),
    (b"fLaC", "a sound"),
    (b"OggS", "a sound"),
)
_TAR_AT, _TAR = 257, b"ustar"
_STILL_BRANDS = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"hevc"})


def recognised(head: bytes) -> tuple[PictureKind, str]:
    """(kind, the name its decoder has) of a file that begins like this.

    Raises:
        PictureFormatRefused: it is nothing that is opened; the message says what it looks like.
    """
    if found := _image(head):
        return "image", found
    if found := _video(head):
        return "video", found
    raise PictureFormatRefused(
        f"the file is {_named(head)}, and only PNG, JPEG, GIF, WebP and BMP images and MP4, MOV, WebM, MKV and AVI"
        " videos are taken in; export it as one of these",
        vi="tệp không phải ảnh hoặc video nhận được, dù tên tệp là gì; chỉ nhận ảnh PNG, JPEG, GIF, WebP, BMP và"
        " video MP4, MOV, WebM, MKV, AVI: hãy xuất lại thành một trong các loại đó",
    )


def _image(head: bytes) -> str:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return "BMP" if head[:2] == b"BM" and head[6:10] == bytes(4) else ""


def _video(head: bytes) -> str:
    if head[4:8] == b"ftyp" and head[8:12] not in _STILL_BRANDS:
        return "mov"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    return "avi" if head[:4] == b"RIFF" and head[8:12] == b"AVI " else ""


def _named(head: bytes) -> str:
    if _MARKUP.match(head):
        return "an SVG drawing" if b"<svg" in head.lower() else "a web page or other markup"
    for start, name in _REFUSED:
        if head.startswith(start):
            return name
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        return "a tar archive"
    if head[4:8] == b"ftyp":
        return "a HEIC or AVIF photo"
    if head[:4] == b"RIFF":
        return "a sound"
    return "text" if _is_text(head) else "of a kind that is not known"


def _is_text(head: bytes) -> bool:
    return bool(head) and not any(byte < 9 or 13 < byte < 32 for byte in head)  # noqa: PLR2004 - control characters
