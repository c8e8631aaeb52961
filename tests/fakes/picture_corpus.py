"""Images and videos, honest and hostile, made byte by byte when a test wants them."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

PAYLOAD = b"<script>alert('polyglot')</script>"
MIB = 1024 * 1024


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes, rows: bytes | None = None, packed: bytes | None = None) -> bytes:
    """Grey, 8 bit; `extra` chunks stand before the pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = packed if packed is not None else zlib.compress(rows if rows is not None else bytes(height * (width + 1)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def photo(width: int = 320, height: int = 200) -> Image.Image:
    """Something to be recognised again: a gradient with a bright bar on the left."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)
    pixels[:, : width // 8] = (255, 220, 0)
    return Image.fromarray(pixels)


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, name, **options)
    return written.getvalue()


def zeros(size: int) -> bytes:
    """So many zeros, packed: a thousandth of them."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


def million_frames() -> bytes:
    """An animated GIF of a million frames of one pixel each, 8 x 8 on its face."""
    first = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00" + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return first + frame * 1_000_000 + b";"


def looping_exif() -> bytes:
    """EXIF whose directory is its own next one and whose entries lie about their size."""
    entry = struct.pack(">HHII", 0x0112, 3, 1, 6 << 16)
    liar = struct.pack(">HHII", 0x8769, 4, 0xFFFFFFFF, 8)
    directory = struct.pack(">H", 2) + entry + liar + struct.pack(">I", 8)
    return b"Exif\x00\x00MM\x00*" + struct.pack(">I", 8) + directory


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def with_segment(jpeg: bytes, marker: int, data: bytes, times: int = 1) -> bytes:
    segment = struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
    return jpeg[:2] + segment * times + jpeg[2:]


def resized_jpeg(width: int, height: int) -> bytes:
    data = bytearray(saved(photo(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def archive_in_archive() -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("anh.png", bytes(10 * MIB))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(5):
            packed.writestr(f"{number}.zip", inner.getvalue())
    return outer.getvalue()


def tarred() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("anh.png"))
    return written.getvalue()


def film(
    path: Path, *, codec: str = "mpeg4", seconds: float = 1.0, rate: int = 25, size: tuple[int, int] = (96, 64)
) -> None:
    """A bright bar that moves from the left to the right."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        count = int(seconds * rate)
        for number in range(count):
            pixels = np.full((size[1], size[0], 3), 40, np.uint8)
            left = number * (size[0] - 16) // max(1, count - 1)
            pixels[:, left : left + 16] = (255, 220, 0)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def patched(data: bytes, box: bytes, offset: int, value: bytes) -> bytes:
    at = data.index(box) + offset
    return data[:at] + value + data[at + len(value) :]


def _sound_bytes(folder: Path) -> bytes:
    sound_only(folder / "sound.mp4")
    return (folder / "sound.mp4").read_bytes()


def _film_bytes(folder: Path, name: str, **options: object) -> bytes:
    path = folder / name
    film(path, **options)  # type: ignore[arg-type]
    return path.read_bytes()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/><script>1</script></svg>'
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><svg>&b;</svg>'

REFUSED: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "pixels-of-a-png": ("picture_too_many_pixels", lambda _: png(60_000, 60_000, rows=b"")),
    "a-side-of-a-png": ("picture_too_many_pixels", lambda _: png(2_000_000_000, 8, rows=b"")),
    "pixels-of-a-jpeg": ("picture_too_many_pixels", lambda _: resized_jpeg(65_000, 65_000)),
    "pixels-of-a-gif": (
        "picture_too_many_pixels",
        lambda _: b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + million_frames()[19:60] + b";",
    ),
    "pixels-of-a-webp": (
        "picture_too_many_pixels",
        lambda _: patched(
            saved(photo().convert("RGBA"), "WEBP", exif=b"Exif\0\0" + bytes(9)), b"VP8X", 12, b"\xfe\x3f\0\xfe\x3f\0"
        ),
    ),
    "pixels-of-a-bmp": (
        "picture_too_many_pixels",
        lambda _: patched(saved(photo(), "BMP"), b"BM", 18, struct.pack("<II", 2**30, 2**30)),
    ),
    "one-pixel": ("picture_too_small", lambda _: png(1, 1)),
    "a-text-bomb": (
        "picture_metadata_too_large",
        lambda _: png(64, 64, chunk(b"zTXt", b"Comment\0\0" + zeros(80 * MIB))),
    ),
    "an-international-text-bomb": (
        "picture_metadata_too_large",
        lambda _: png(64, 64, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros(80 * MIB))),
    ),
    "a-profile-bomb": (
        "picture_metadata_too_large",
        lambda _: png(64, 64, chunk(b"iCCP", b"p\0\0" + zeros(80 * MIB))),
    ),
    "many-texts": (
        "picture_metadata_too_large",
        lambda _: png(64, 64, *(chunk(b"zTXt", b"k%d\0\0" % n + zlib.compress(bytes(1_000_000))) for n in range(40))),
    ),
    "a-chunk-without-end": ("media_child_limit", lambda _: png(64, 64)[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(100)),
    "a-cut-png": ("picture_truncated", lambda _: half(saved(photo(), "PNG"))),
    "a-cut-jpeg": ("picture_truncated", lambda _: half(saved(photo(), "JPEG"))),
    "a-cut-webp": ("picture_unreadable", lambda _: half(saved(photo(), "WEBP"))),
    "a-cut-gif": ("picture_truncated", lambda _: half(saved(photo(), "GIF"))),
    "only-a-beginning": ("picture_unreadable", lambda _: b"\x89PNG\r\n\x1a\n"),
    "noise-behind-a-beginning": ("picture_unreadable", lambda _: b"\xff\xd8\xff" + bytes(range(256)) * 40),
    "an-archive-of-archives": ("picture_format_refused", lambda _: archive_in_archive()),
    "a-tar": ("picture_format_refused", lambda _: tarred()),
    "a-gzip": ("picture_format_refused", lambda _: gzip.compress(saved(photo(), "PNG"))),
    "svg": ("picture_format_refused", lambda _: SVG),
    "svg-behind-a-bom": ("picture_format_refused", lambda _: b"\xef\xbb\xbf \n" + ENTITIES),
    "svg-of-utf-16": ("picture_format_refused", lambda _: SVG.decode().encode("utf-16")),
    "html": ("picture_format_refused", lambda _: b"<!doctype html><img src=x onerror=alert(1)>"),
    "a-playlist": ("picture_format_refused", lambda _: b"#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n"),
    "a-list-of-files": ("picture_format_refused", lambda _: b"ffconcat version 1.0\nfile /etc/passwd\n"),
    "a-pdf": ("picture_format_refused", lambda _: b"%PDF-1.7\n"),
    "nothing": ("media_empty", lambda _: b""),
    "a-film-of-ten-hours": (
        "video_too_long",
        lambda folder: patched(_film_bytes(folder, "ten.mkv"), b"\x44\x89\x88", 3, struct.pack(">d", 36e6)),
    ),
    "a-film-of-countless-frames": (
        "video_too_long",
        lambda folder: _film_bytes(folder, "many.avi", seconds=2.5, rate=1000, size=(16, 16)),
    ),
    "a-film-of-huge-frames": ("video_empty", lambda folder: _huge(_film_bytes(folder, "huge.avi", codec="mjpeg"))),
    "a-sound-in-a-film": ("video_empty", _sound_bytes),
    "a-film-without-its-index": ("picture_unreadable", lambda folder: _film_bytes(folder, "cut.mp4")[:-600]),
    "a-film-of-noise": ("video_empty", lambda folder: _noise(_film_bytes(folder, "noise.avi"))),
}
"""Name → (code, bytes)."""

TAKEN: dict[str, tuple[tuple[str, ...], Callable[[Path], bytes]]] = {
    "a-bomb-of-pixels-within-bounds": (("reduced",), lambda _: saved(Image.new("1", (18_000, 2_000)), "PNG")),
    "pixels-that-go-on-and-on": ((), lambda _: png(64, 64, packed=zeros(80 * MIB))),
    "a-million-frames": (("animated",), lambda _: million_frames()),
    "a-picture-and-an-archive": ((), lambda _: saved(photo(), "PNG") + archive_in_archive() + PAYLOAD),
    "a-picture-and-a-page": (("metadata_dropped",), lambda _: with_segment(saved(photo(), "JPEG"), 0xFE, PAYLOAD)),
    "exif-in-circles": ((), lambda _: with_segment(saved(photo(), "JPEG"), 0xE1, looping_exif())),
    "thirty-mib-of-comments": ((), lambda _: with_segment(saved(photo(), "JPEG"), 0xFE, bytes(65_000), 480)),
}
"""Name → (findings, bytes): hostile, and harmless once only the pixels are left."""


def _noise(data: bytes) -> bytes:
    at = data.index(b"movi") + 4
    return data[:at] + np.random.default_rng(5).bytes(len(data) - at)


def _huge(data: bytes) -> bytes:
    """Every JPEG of the film says that it is 30,000 pixels high and wide."""
    parts = data.split(b"\xff\xc0")
    return parts[0] + b"".join(
        b"\xff\xc0" + part[:3] + struct.pack(">HH", 30_000, 30_000) + part[7:] for part in parts[1:]
    )
