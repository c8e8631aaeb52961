"""Templates become answers: one environment a language, everything escaped, compressed for whoever unpacks it.

Each page ends with a comment of random length: so the size of a compressed page tells nobody what stands in it (a page
holds a token beside words that a stranger may have chosen).
"""

import gzip
import secrets
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from controller.web import moments, words
from controller.web.assets import Assets, takes_gzip
from controller.web.translating import Language, Tongue, marked

_LEVEL = 6
_NOISE_CHARACTERS = 96


class Renderer:
    """All templates, in both languages; each is read at its first use and kept."""

    def __init__(self, assets: Assets, tongues: Mapping[Language, Tongue]) -> None:
        self._environments = {language: _environment(assets, tongue) for language, tongue in tongues.items()}

    def page(
        self, request: Request, language: Language, name: str, values: Mapping[str, Any], status: int = HTTPStatus.OK
    ) -> Response:
        """A template as an answer."""
        text = self._environments[language].get_template(name).render(**values)
        content = f"{text}<!-- {secrets.token_hex(secrets.randbelow(_NOISE_CHARACTERS))} -->\n".encode()
        headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding, Cookie, Accept-Language"}
        if takes_gzip(request):
            content = gzip.compress(content, _LEVEL, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return Response(content, status, media_type="text/html", headers=headers)


def _environment(assets: Assets, tongue: Tongue) -> Environment:
    made = Environment(
        loader=PackageLoader("controller.web", "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(tongue.words, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        asset=assets.address,
        language=tongue.language,
        clock=moments.clock,
        day=partial(moments.day, tongue=tongue),
        moment=partial(moments.moment, tongue=tongue),
        lasting=partial(moments.lasting, tongue=tongue),
        word=partial(_word, tongue),
        words=words,
        browser=lambda agent: words.browser_of(agent, tongue.say(marked("Trình duyệt không rõ"))),
        once=lambda: secrets.token_urlsafe(18),
    )
    return made


def _word(tongue: Tongue, table: Mapping[str, str], code: str) -> str:
    return tongue.say(table[code]) if code in table else code
