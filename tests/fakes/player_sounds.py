"""Sound files for the player's tests, made on the spot."""

import wave
from pathlib import Path

import av
import numpy as np


def speechlike(seconds, *, seed=1):
    """Noise in syllables: broadband, with quiet gaps, like speech; mono float32 at 48 kHz."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * 48_000)) / 48_000
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time_s), 0, None)
    return (0.3 * syllables * rng.standard_normal(time_s.size).clip(-3, 3) / 3).astype(np.float32)


def write_wav(path: Path, samples, *, rate=48_000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return path


def write_encoded(path: Path, samples, *, codec, container, layout="mono", rate=48_000):
    """Encode with PyAV; `samples` is mono, or (channels, frames)."""
    planes = np.atleast_2d(samples)
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes, np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        frame.pts = 0
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        for ready in resampler.resample(frame):
            fifo.write(ready)
        size = stream.codec_context.frame_size or 1024
        while (piece := fifo.read(size, partial=True)) is not None:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return path


def read_wav(path: Path):
    """Mono samples of a 16-bit WAV as float64 in full scale."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 48_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
