"""What a stream is, by what its server says and by its first bytes; playlists that name it. Pure.

Only MP3, AAC in ADTS frames and Ogg are relayed. What is said decides; where nothing useful is said, the bytes do.
"""

import re
from typing import Literal
from urllib.parse import urljoin

from edge_agent.relay.errors import RelayNotAStream

Format = Literal["mp3", "aac", "ogg"]
Kind = Format | Literal["playlist"]

FIRST_BYTES = 16
PLAYLIST_BYTES = 64 * 1024

_TYPES: dict[str, Kind] = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/x-mpeg": "mp3",
    "audio/aac": "aac",
    "audio/aacp": "aac",
    "audio/x-aac": "aac",
    "audio/ogg": "ogg",
    "application/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/vorbis": "ogg",
    "audio/x-mpegurl": "playlist",
    "audio/mpegurl": "playlist",
    "application/x-mpegurl": "playlist",
    "application/vnd.apple.mpegurl": "playlist",
    "audio/x-scpls": "playlist",
    "application/pls+xml": "playlist",
}
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/plain", "unknown/unknown"})
_MPEG_SYNC = re.compile(rb"\xff[\xe0-\xff]")
_ADTS_SYNC = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
_PLAYLIST_ENTRY = re.compile(r"(?:File[0-9]{1,4}\s*=\s*)?(\S+)", re.IGNORECASE)


def kind_of(media_type: str, first: bytes) -> Kind:
    """What is in a body.

    Raises:
        RelayNotAStream: nothing that is relayed.
    """
    seen = _seen(first)
    said = _TYPES.get(media_type)
    if seen == "playlist" or said == "playlist":
        return "playlist"
    if seen == "ogg" or (said is None and seen is not None and media_type in _SAYS_NOTHING):
        return seen
    if said is None or said == "ogg":
        shown = media_type or "nothing known"
        raise RelayNotAStream(f"the server sends {shown[:60]}, not MP3, AAC or Ogg; ask the station for its stream")
    return said


def _seen(first: bytes) -> Kind | None:
    if first.startswith(b"OggS"):
        return "ogg"
    if first.lstrip(b"\xef\xbb\xbf").lower().startswith((b"#extm3u", b"[playlist]")):
        return "playlist"
    if first.startswith(b"ID3"):
        return "mp3"
    if _MPEG_SYNC.match(first):
        return "aac" if _ADTS_SYNC.match(first) else "mp3"
    return None


def first_address(playlist: bytes, base: str) -> str:
    """The first stream that a simple .m3u or .pls names.

    Raises:
        RelayNotAStream: it is HLS, or names none.
    """
    text = playlist.decode("utf-8", "replace").lstrip("\ufeff")
    if "#EXT-X-" in text:
        raise RelayNotAStream("this is an HLS playlist, which is not relayed yet; ask for the MP3, AAC or Ogg stream")
    pls = text.lstrip().lower().startswith("[playlist]")
    for line in map(str.strip, text.splitlines()):
        entry = _PLAYLIST_ENTRY.fullmatch(line)
        if entry is None or line.startswith("#") or (pls and not line.lower().startswith("file")):
            continue
        return str(urljoin(base, entry[1]))
    raise RelayNotAStream("the playlist names no stream; ask the station for the stream's own address")
