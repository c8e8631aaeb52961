"""The files that pages are made of: each under a name that tells its content, so that browsers keep it for ever.

They are read, hashed and compressed once, when the application is made. A page names a file by `Assets.address`; the
address of a file that was changed is another one, and the old address leads nowhere.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

ROOT = "/static"
_FOLDERS = ("static", "vendor")
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "png": "image/png"}
_JOINED: Mapping[str, tuple[str, ...]] = {"live.js": ("htmx.min.js", "hx-sse.min.js")}
"""Files that are sent as one. htmx begins right after its own script has run: an extension that is still on its way
then, as over a slow line, would never be asked."""
_HASH_CHARACTERS = 12
_KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed."""

    content: bytes
    compressed: bytes
    media_type: str


class Assets:
    """All of them, by address."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}
        self._assets: dict[str, Asset] = {}
        here = files("controller.web")
        found = {
            file.name: file.read_bytes() for folder in _FOLDERS for file in (here / folder).iterdir() if file.is_file()
        }
        for name, parts in _JOINED.items():
            found[name] = b"\n".join(found.pop(part) for part in parts)
        for name in sorted(found):
            self._take(name, found[name])

    @property
    def everything(self) -> Mapping[str, Asset]:
        """By address below `ROOT`."""
        return self._assets

    def address(self, name: str) -> str:
        """Where a file is now.

        Raises:
            KeyError: there is no such file; a defect of the page.
        """
        return f"{ROOT}/{self._addresses[name]}"

    async def serve(self, request: Request) -> Response:
        """One file."""
        found = self._assets.get(request.path_params["name"])
        if found is None:
            return Response("not here", 404, media_type="text/plain")
        headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding"}
        if takes_gzip(request):
            return Response(
                found.compressed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"}
            )
        return Response(found.content, media_type=found.media_type, headers=headers)

    def _take(self, name: str, content: bytes) -> None:
        stem, _, ending = name.rpartition(".")
        if ending not in _TYPES:
            return
        address = f"{stem}.{hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]}.{ending}"
        self._addresses[name] = address
        self._assets[address] = Asset(content, gzip.compress(content, 9, mtime=0), _TYPES[ending])


def takes_gzip(request: Request) -> bool:
    """Whether who asks can unpack it."""
    return "gzip" in request.headers.get("accept-encoding", "").lower()
