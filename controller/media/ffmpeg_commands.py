"""The command lines of the ffmpeg program, compiled by ffmpeg-python. Pure; tests read them.

No terminal, no network: only files, only listed containers and decoders. The source is a descriptor, so neither its
name nor its folder can steer the program. Files of ours are named relative to the working folder.
"""

from typing import Any

import ffmpeg

from controller.media import rules
from controller.media.encodings import Encoding
from controller.media.intake import SpeechFilter
from controller.media.joining import MAX_CLIP_MS
from controller.media.levels import RATE_HZ, Preparation, horn_filters, limiter_options

LOUDNESS_NAME = "loudness.txt"
PEAK_NAME = "peak.txt"
MOMENTARY_NAME = "momentary.txt"
PAD_S = 0.1
"""Silence after a measured sound, so that its last tenth of a second counts too."""
_ALLOWED = {"protocol_whitelist": "file,pipe", "format_whitelist": rules.FORMATS, "codec_whitelist": rules.CODECS}
_QUIET = {"vn": None, "sn": None, "dn": None, "threads": 1}
_GLOBAL = ("-nostdin", "-hide_banner", "-filter_threads", "1", "-progress", "pipe:1", "-stats_period", "0.2")


def probe(program: str, descriptor: int, *, pictures: bool = False) -> list[str]:
    """What the source declares, as JSON.

    ffprobe opens a decoder for every stream, or gives up. With `pictures` all of them may open, but none is allowed
    to make a picture of more than one pixel.
    """
    said = ("-v", "repeat+level+error", "-show_streams", "-show_format", "-of", "json")
    allowed = _ALLOWED | {"max_pixels": "1"}
    if pictures:
        allowed.pop("codec_whitelist")
    options = [word for key, value in allowed.items() for word in (f"-{key}", value)]
    return [program, "-hide_banner", *said, *options, _source(descriptor)]


def decode(program: str, descriptor: int, channels: int, at_most_s: float, spool: str | None) -> list[str]:
    """The source's first sound as mono float32 at 48 kHz into `spool`; only counted if there is none."""
    given = ffmpeg.input(_source(descriptor), **_ALLOWED, **_QUIET, max_error_rate=1)
    sound = given["a:0"].filter("asetpts", "N/SR/TB")
    if channels > 1:
        weights = "+".join(f"{1 / channels!r}*c{n}" for n in range(channels))
        sound = sound.filter("aformat", sample_fmts="fltp").filter("pan", **{"mono|c0": weights})
    if spool is None:
        return _compiled(program, sound.output("-", format="null", t=at_most_s), "verbose")
    sound = sound.filter("aresample", RATE_HZ).filter("aformat", sample_fmts="flt", channel_layouts="mono")
    return _compiled(program, sound.output(spool, format="f32le", t=at_most_s), "verbose")


def speech_filter(program: str, spool: str, wanted: SpeechFilter, target: str) -> list[str]:
    """The spooled sound, filtered for horns, into another spool."""
    sound = _spooled(spool)
    for name, options in horn_filters(wanted.high_pass_hz, wanted.presence_db):
        sound = sound.filter(name, **dict(one.split("=") for one in options.split(":")))
    return _compiled(program, sound.output(target, format="f32le"), "info")


def unpack(program: str, rendition: str, spool: str) -> list[str]:
    """A rendition of ours as mono float32 at 48 kHz into `spool`."""
    given = ffmpeg.input(f"file:{rendition}", **_ALLOWED, **_QUIET)
    sound = given["a:0"].filter("asetpts", "N/SR/TB").filter("aresample", RATE_HZ)
    sound = sound.filter("aformat", sample_fmts="flt", channel_layouts="mono")
    return _compiled(program, sound.output(spool, format="f32le", t=MAX_CLIP_MS / 1000), "info")


def loudness(program: str, spool: str, preparation: Preparation | None) -> list[str]:
    """Measure the spooled sound, prepared if asked."""
    sound = _spooled(spool)
    if preparation is not None:
        sound = _prepared(sound, preparation)
    return _compiled(program, _measured(sound, "none").output("-", format="null"), "info")


def encode(program: str, spool: str, preparation: Preparation, encoding: Encoding) -> list[str]:
    """Write one rendition of the prepared sound."""
    sound = _prepared(_spooled(spool), preparation)
    options = encoding.options | encoding.container_options
    written = sound.output(
        encoding.file_name,
        format=encoding.container,
        acodec=encoding.encoder,
        audio_bitrate=encoding.bits_per_s,
        map_metadata=-1,
        **options,
    )
    return _compiled(program, written, "info")


def hear(program: str, encoding: Encoding) -> list[str]:
    """Decode a rendition and measure its loudness and true peak."""
    given = ffmpeg.input(
        f"file:{encoding.file_name}",
        protocol_whitelist="file,pipe",
        format_whitelist=encoding.container,
        codec_whitelist=encoding.decoders,
        **_QUIET,
    )
    sound = _measured(given["a:0"].filter("asetpts", "N/SR/TB"), "true")
    sound = sound.filter("ametadata", mode="print", key="lavfi.r128.true_peak", file=PEAK_NAME)
    sound = sound.filter("ametadata", mode="print", key="lavfi.r128.M", file=MOMENTARY_NAME)
    return _compiled(program, sound.output("-", format="null"), "info")


def _source(descriptor: int) -> str:
    return f"file:/proc/self/fd/{descriptor}"


def _spooled(spool: str) -> Any:
    return ffmpeg.input(f"file:{spool}", format="f32le", ar=RATE_HZ, ac=1, protocol_whitelist="file,pipe")["a:0"]


def _prepared(sound: Any, preparation: Preparation) -> Any:
    if preparation.dc_offset:
        sound = sound.filter("dcshift", shift=-preparation.dc_offset)
    sound = sound.filter("volume", f"{preparation.gain_db:.4f}dB", precision="float")
    if preparation.ceiling_dbfs is not None:
        options = dict(one.split("=") for one in limiter_options(preparation.ceiling_dbfs).split(":"))
        sound = sound.filter("alimiter", **options)
    if preparation.makeup_db:
        sound = sound.filter("volume", f"{preparation.makeup_db:.4f}dB", precision="float")
    return sound


def _measured(sound: Any, peak: str) -> Any:
    padded = sound.filter("apad", pad_len=round(PAD_S * RATE_HZ))
    measured = padded.filter("ebur128", peak=peak, dualmono="true", metadata=1)
    return measured.filter("ametadata", mode="print", key="lavfi.r128.I", file=LOUDNESS_NAME)


def _compiled(program: str, stream: Any, loglevel: str) -> list[str]:
    told = stream.global_args(*_GLOBAL, "-loglevel", f"repeat+level+{loglevel}")
    command: list[str] = ffmpeg.compile(told, cmd=program, overwrite_output=True)
    return command
