"""A radio station on loopback: a real HTTP server that sends encoded tones in real time, and can misbehave.

Its behaviour is changed while it runs: `sound` (a tone of `hz`), `silence`, `stall` (the connection stands, nothing
comes), `cut` (connections end, new ones are refused with 503). Each connection begins with a burst, as Icecast does.
"""

import io
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np

RATE_HZ = 48_000
_PIECE_S = 0.1
_INTERVAL_BYTES = 4096
_TITLE = bytes([255]) + (b"StreamTitle='" + b"x" * 4000 + b"';").ljust(255 * 16, b"\0")
FORMATS = {
    "mp3": ("mp3", "libmp3lame", "audio/mpeg"),
    "aac": ("adts", "aac", "audio/aac"),
    "vorbis": ("ogg", "vorbis", "audio/ogg"),
    "opus": ("ogg", "libopus", "application/ogg"),
}


class Encoder:
    """A live encoder: samples in, the bytes of a stream out, piece by piece."""

    def __init__(self, sort, *, rate=RATE_HZ, layout="stereo"):
        container, codec, self.media_type = FORMATS[sort]
        self.rate = rate
        self._out = io.BytesIO()
        self._out.seek = None
        writer = _Forward(self._out)
        options = {"flush_packets": "1", "page_duration": "20000"} if container == "ogg" else {"flush_packets": "1"}
        self._container = av.open(writer, "w", format=container, options=options)
        self._stream = self._container.add_stream(codec, rate=rate, layout=layout, options={"strict": "-2"})
        self._layout = layout
        self._fifo = av.AudioFifo()
        self._resampler = av.AudioResampler(format=self._stream.codec_context.format, layout=layout, rate=rate)
        self._pts = 0

    def push(self, samples):
        """Encode mono float samples."""
        planes = np.vstack([samples, samples]) if self._layout == "stereo" else samples.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes, np.float32), format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts = self.rate, self._pts
        self._pts += samples.size
        for ready in self._resampler.resample(frame):
            self._fifo.write(ready)
        size = self._stream.codec_context.frame_size or 1024
        while (piece := self._fifo.read(size)) is not None:
            self._container.mux(self._stream.encode(piece))
        held = self._out.getvalue()
        self._out.truncate(0)
        io.BytesIO.seek(self._out, 0)
        return held


class _Forward:
    """A file object that cannot seek."""

    def __init__(self, out):
        self.write = out.write


class Radio:
    """The station; `url` is its stream."""

    def __init__(self, sort="mp3", *, hz=1000.0, level=0.2, burst_s=1.0, metadata=False):
        self.sort, self.hz, self.level, self.burst_s, self.metadata = sort, hz, level, burst_s, metadata
        self.behaviour = "sound"
        self.connections = self.refused = 0
        self.sent_s = 0.0
        self._ending = threading.Event()
        self._server = _RadioServer(self)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/live"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def over(self):
        return self._ending.is_set() or self.behaviour == "cut"

    def wait(self, seconds):
        """Pace of a connection."""
        self._ending.wait(max(0.0, seconds))

    def piece(self, first, frames, rate):
        """Samples of the programme from a frame on."""
        at = (first + np.arange(frames)) / rate
        level = 0.0 if self.behaviour == "silence" else self.level
        return (level * np.sin(2 * np.pi * self.hz * at)).astype(np.float32)


class _RadioServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, radio):
        self.radio = radio
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One listener."""

    left = _INTERVAL_BYTES

    def log_message(self, *_):
        pass

    def do_GET(self):
        radio = self.server.radio
        if self.path.startswith("/moved"):
            self._answer(302, location="/live" if self.path == "/moved" else self.path)
        elif self.path == "/list.m3u":
            self._answer(200, f"#EXTM3U\n#EXTINF:-1,Đài\n{radio.url}\n", content_type="audio/x-mpegurl")
        elif self.path == "/list.pls":
            self._answer(200, f"[playlist]\nNumberOfEntries=1\nFile1={radio.url}\n", content_type="audio/x-scpls")
        elif radio.over:
            self._answer(503)
            radio.refused += 1
        else:
            radio.connections += 1
            with suppress(OSError):
                self._stream(radio)
        self.close_connection = True

    def _answer(self, status, text="", **headers):
        body = text.encode()
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, radio):
        encoder = Encoder(radio.sort)
        self.send_response_only(200)
        self.send_header("Content-Type", encoder.media_type)
        if radio.metadata:
            self.send_header("icy-metaint", str(_INTERVAL_BYTES))
        self.end_headers()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun, sent, frames, due = time.monotonic(), 0, round(_PIECE_S * encoder.rate), -radio.burst_s
        while not radio.over:
            if radio.behaviour == "stall":
                radio.wait(0.05)
                begun += 0.05
                continue
            self._send(encoder.push(radio.piece(sent, frames, encoder.rate)))
            sent += frames
            due += _PIECE_S
            radio.sent_s = sent / encoder.rate
            radio.wait(due - (time.monotonic() - begun))

    def _send(self, held):
        if not self.server.radio.metadata:
            self.wfile.write(held)
            return
        while held:
            part, held = held[: self.left], held[self.left :]
            self.wfile.write(part)
            self.left -= len(part)
            if not self.left:
                self.wfile.write(_TITLE)
                self.left = _INTERVAL_BYTES
