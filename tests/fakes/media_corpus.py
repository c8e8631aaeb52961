"""Sound files, good and hostile, made when a test needs them; none is kept in the repository.

Signals are float32 arrays (channels, samples), full scale ±1, from a seed: the same call gives the same file.
"""

import struct
import wave
import zlib
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float32]
SPEECH = Path(__file__).parents[2] / "loa_cli" / "demo_media" / "ban_tin_mau.ogg"


def noise(seconds: float, rate_hz: int = 48_000, channels: int = 1, level: float = 0.1, seed: int = 1) -> Signal:
    """Pink-like noise in bursts of a second and a half, so that its loudness is that of talk."""
    samples = int(seconds * rate_hz)
    white = np.random.default_rng(seed).standard_normal((channels, samples))
    shaped = np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.arange(samples // 2 + 1) + 50), samples)
    bursts = 0.15 + 0.85 * (np.arange(samples) % (2 * rate_hz) < 1.5 * rate_hz)
    return (level * bursts * shaped / shaped.std()).clip(-1, 1).astype(np.float32)


def tone(seconds: float, rate_hz: int = 48_000, channels: int = 1, level: float = 0.1) -> Signal:
    """997 Hz on every channel."""
    wave_form = level * np.sin(2 * np.pi * 997 * np.arange(int(seconds * rate_hz)) / rate_hz)
    return np.tile(wave_form.astype(np.float32), (channels, 1))


def wav(path: Path, signal: Signal, rate_hz: int = 48_000) -> Path:
    """16-bit PCM WAV with any number of channels."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(signal.shape[0])
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes((signal.T * 32767).round().astype("<i2").tobytes())
    return path


def encoded(path: Path, signal: Signal, codec: str, container: str, rate_hz: int = 48_000, **options: str) -> Path:
    """Any codec and container PyAV can write; layouts for 1, 2 and 6 channels."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[signal.shape[0]]
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout=layout)
        if codec == "wmav2":
            stream.bit_rate = 128_000
        for at in range(0, signal.shape[1], rate_hz):
            part = np.ascontiguousarray(signal[:, at : at + rate_hz])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, at, Fraction(1, rate_hz)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def video(path: Path, container: str, sound: Signal | None = None) -> Path:
    """One second of pictures, with a sound track if one is given (48 kHz mono)."""
    with av.open(str(path), "w", format=container) as out:
        pictures = out.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p")
        track = out.add_stream("aac", rate=48_000, layout="mono") if sound is not None else None
        for n in range(10):
            out.mux(pictures.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * n, np.uint8), "rgb24")))
        out.mux(pictures.encode(None))
        if track is not None and sound is not None:
            frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
            out.mux([*track.encode(frame), *track.encode(None)])
    return path


def cut(path: Path, share: float = 0.6) -> Path:
    """The first part of a file, under the same name with `cut-` before it."""
    data = path.read_bytes()
    shorter = path.with_name(f"cut-{path.name}")
    shorter.write_bytes(data[: int(share * len(data))])
    return shorter


def flac_of_silence(path: Path, hours_held: float, hours_declared: float) -> Path:
    """A FLAC at 8 kHz whose frames of 65,535 zeros take 14 bytes: 100 hours in 600 KB. Declared 0 is "unknown"."""
    block, rate_hz = 65_535, 8_000
    declared = int(hours_declared * 3600 * rate_hz)
    facts = struct.pack(">HH", block, block) + bytes(6) + (rate_hz << 44 | 15 << 36 | declared).to_bytes(8) + bytes(16)
    frames = max(1, int(hours_held * 3600 * rate_hz) // block)
    with path.open("wb") as out:
        out.write(b"fLaC\x80\x00\x00\x22" + facts)
        for number in range(frames):
            head = b"\xff\xf8\x74\x08" + chr(number).encode("utf-8", "surrogatepass") + struct.pack(">H", block - 1)
            body = head + bytes([_crc(head, 8, 0x07)]) + b"\0\0\0"
            out.write(body + struct.pack(">H", _crc(body, 16, 0x8005)))
    return path


def with_cover(path: Path, sound: Path, picture: bytes | None = None) -> Path:
    """An MP3 with a PNG picture in an ID3 tag before it."""
    picture = b"\x00image/png\x00\x03\x00" + (picture or png())
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\x00\x00" + size + frame + sound.read_bytes())
    return path


def playlist(path: Path, target: str) -> Path:
    """An HLS media playlist of one segment."""
    lines = ("#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:5", "#EXTINF:5,", target, "#EXT-X-ENDLIST", "")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def wav_header(path: Path, *, channels: int = 1, rate_hz: int = 48_000, kind: int = 1, body: bytes = b"") -> Path:
    """A WAV whose header says what it likes; kind 1 is 16-bit PCM, 3 is float32."""
    width = 4 if kind == 3 else 2
    align = channels * width & 0xFFFF
    about = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * align & 0xFFFFFFFF, align, 8 * width)
    head = b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt " + struct.pack("<I", 16) + about
    path.write_bytes(head + b"data" + struct.pack("<I", len(body)) + body)
    return path


def caf_header(path: Path, channels: int) -> Path:
    """A CAF of one second of 16-bit silence that claims so many channels."""
    about = struct.pack(">d4sIIIII", 48_000.0, b"lpcm", 0, 2 * channels & 0xFFFFFFFF, 1, channels, 16)
    data = bytes(4 + 96_000)
    path.write_bytes(
        b"caff\0\1\0\0desc" + struct.pack(">q", len(about)) + about + b"data" + struct.pack(">q", len(data)) + data
    )
    return path


def adts_without_end(path: Path, seconds: float) -> Path:
    """AAC that declares no duration, its frames repeated."""
    once = encoded(path.with_name("once.aac"), noise(2), "aac", "adts").read_bytes()
    path.write_bytes(once * int(seconds / 2))
    return path


def many_samples_declared(path: Path) -> Path:
    """An M4A whose table of times claims four thousand million samples."""
    data = bytearray(encoded(path, noise(2), "aac", "ipod").read_bytes())
    at = data.index(b"stts") + 12
    data[at : at + 4] = b"\xff\xff\xff\xf0"
    path.write_bytes(data)
    return path


def png_bomb(side: int = 15_000) -> bytes:
    """A small file that wants memory for a picture of `side` x `side` pixels, 675 MB by default."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(1 + 3 * side)) for _ in range(side // 100)) + rows.flush()
    return png(side, data)


def png(side: int = 2, rows: bytes | None = None) -> bytes:
    """A picture of black pixels."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = rows if rows is not None else zlib.compress(bytes(side * (1 + 3 * side)))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", body) + part(b"IEND", b"")


@cache
def _crc_table(bits: int, polynomial: int) -> tuple[int, ...]:
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    table = []
    for byte in range(256):
        rest = byte << (bits - 8)
        for _ in range(8):
            rest = ((rest << 1) ^ polynomial) & mask if rest & top else rest << 1
        table.append(rest)
    return tuple(table)


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    """The CRCs of a FLAC frame: most significant bit first, start 0."""
    table, rest, mask = _crc_table(bits, polynomial), 0, (1 << bits) - 1
    for byte in data:
        rest = ((rest << 8) & mask) ^ table[(rest >> (bits - 8)) ^ byte]
    return rest
