"""Brings letters to their addresses: mail, a unit's webhook, a browser. What is not set up says so."""

import asyncio
import bisect
import hashlib
import hmac
import json
import secrets
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from controller.notices import addresses, encryption, mail
from controller.notices.addresses import Origin
from controller.notices.keys import NoticeKeys
from controller.notices.port import (
    Browser,
    ChannelNotSetUp,
    Gateway,
    Letter,
    Mailbox,
    NoticeNotDelivered,
    NoticeRefused,
    SubscriptionGone,
)
from controller.runtime import outgoing
from controller.runtime.clock import Clock
from controller.runtime.outgoing import OutgoingRefused
from controller.runtime.settings import Settings, SettingsInvalid

_ANSWER_S = 10.0
_GONE = frozenset({404, 410})
_LATER = frozenset({408, 409, 421, 425, 429})
_OURS = frozenset({401, 403})
"""The other side does not know us: a secret or a clock to mend, after which the message is as good as before."""
_SERVER_FAULT = 500
_SALT_BYTES = 16
_TOPIC_CHARACTERS = 32
SIGNATURE = "X-Loa-Signature"
TIMESTAMP = "X-Loa-Timestamp"
NOTICE = "X-Loa-Notice"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a webhook's receiver compares: HMAC-SHA-256, in hex, over the time stamp, a full stop and the body."""
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hex()


def as_json(letter: Letter, link: str | None) -> dict[str, Any]:
    """A letter as a webhook's receiver gets it."""
    return {
        "id": letter.id,
        "kind": letter.kind,
        "about": letter.about,
        "subject": letter.subject,
        "text": letter.text,
        "link": link,
        "at": letter.at.isoformat(),
        "person": {"id": letter.person_id, "name": letter.name, "unit": letter.unit_id},
    }


def as_push(letter: Letter) -> bytes:
    """A letter as the pages' service worker gets it: JSON, with as much of the text as fits."""

    def cut(length: int) -> bytes:
        body = letter.text if length >= len(letter.text) else f"{letter.text[:length]}…"
        told = {"id": letter.id, "kind": letter.kind, "title": letter.subject, "body": body, "path": letter.path}
        return _json(told)

    whole = cut(len(letter.text))
    if len(whole) <= encryption.MOST_BYTES:
        return whole
    fits = bisect.bisect(range(len(letter.text)), encryption.MOST_BYTES, key=lambda length: len(cut(length)))
    return cut(max(0, fits - 1))


class Postman:
    """Sends for one process; `close` it at the end."""

    def __init__(self, settings: Settings, keys: NoticeKeys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._pages = (settings.public_url or "").rstrip("/")
        self._webhook_hosts = tuple(map(addresses.listed, settings.webhook_hosts))
        self._push_hosts = tuple(map(addresses.listed, settings.push_hosts))
        tls = _tls(settings.notice_ca)
        self._mail = mail.server_of(settings, tls)
        sender = self._mail and f"mailto:{self._mail.sender.addr_spec}"
        self._contact = sender or (self._pages if self._pages.startswith("https:") else None)
        self._http = outgoing.client(verify=tls, timeout=_ANSWER_S, private=settings.private_networks)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def send(self, letter: Letter) -> None:
        """As `port.Post`.

        Raises:
            NoticeNotDelivered: not this time.
            NoticeRefused, ChannelNotSetUp, NoticeAddressRefused, SubscriptionGone, SubscriptionInvalid: never.
        """
        match letter.to:
            case Mailbox() as mailbox:
                if self._mail is None:
                    raise ChannelNotSetUp("no mail server is known; set LOA_SMTP_HOST and LOA_MAIL_FROM")
                await mail.send(self._mail, letter, mailbox, self._link(letter))
            case Gateway() as gateway:
                await self._call(letter, gateway)
            case Browser() as browser:
                await self._push(letter, browser)

    def _link(self, letter: Letter) -> str | None:
        return f"{self._pages}{letter.path}" if self._pages and letter.path else None

    async def _call(self, letter: Letter, to: Gateway) -> None:
        addresses.require_allowed(to.url, self._webhook_hosts, "LOA_WEBHOOK_HOSTS")
        body, stamp = _json(as_json(letter, self._link(letter))), str(int(self._clock.now().timestamp()))
        secret = self._keys.webhook_secret(to.unit_id, to.url, to.made_at)
        headers = {
            "Content-Type": "application/json",
            NOTICE: letter.id,
            TIMESTAMP: stamp,
            SIGNATURE: f"v1={signature(secret, stamp, body)}",
        }
        status = await self._post(to.url, body, headers)
        if not httpx.codes.is_success(status):
            _refuse(status, f"the webhook of unit {to.unit_id}", for_good=status not in _OURS)

    async def _push(self, letter: Letter, to: Browser) -> None:
        origin = addresses.require_allowed(to.endpoint, self._push_hosts, "LOA_PUSH_HOSTS")
        status = await self._post(to.endpoint, self._sealed(letter, to), self._push_headers(letter, origin))
        if status in _GONE:
            raise SubscriptionGone(f"a browser of {letter.person_id} is gone; it may subscribe again")
        if not httpx.codes.is_success(status):
            _refuse(status, f"the push service {origin}", for_good=status not in _OURS)

    def _sealed(self, letter: Letter, to: Browser) -> bytes:
        once, salt = ec.generate_private_key(encryption.CURVE), secrets.token_bytes(_SALT_BYTES)
        return encryption.encrypt(as_push(letter), encryption.browser_keys(to.p256dh, to.auth), once, salt)

    def _push_headers(self, letter: Letter, origin: Origin) -> Mapping[str, str]:
        now = self._clock.now()
        topic = encryption.padless(hashlib.sha256(letter.id.encode()).digest())[:_TOPIC_CHARACTERS]
        return {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(max(0, int((letter.useful_until - now).total_seconds()))),
            "Urgency": "high",
            "Topic": topic,
            "Authorization": encryption.authorization(
                self._keys.vapid, audience=str(origin), subject=self._contact, now=now
            ),
        }

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status; nothing of the answer's body is read."""
        try:
            async with self._http.stream("POST", url, content=body, headers=dict(headers)) as answer:
                return answer.status_code
        except OutgoingRefused as error:
            raise NoticeNotDelivered(str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            told = str(error) or type(error).__name__
            raise NoticeNotDelivered(f"{addresses.origin_of(url)} did not answer: {told}") from error


def _refuse(status: int, who: str, *, for_good: bool) -> NoReturn:
    if status >= _SERVER_FAULT or status in _LATER or not for_good:
        raise NoticeNotDelivered(f"{who} answered {status}; it is tried again")
    raise NoticeRefused(f"{who} answered {status} and does not take this message")


async def open_postman(settings: Settings, keys: NoticeKeys, clock: Clock) -> Postman:
    """Read what files say, off the event loop.

    Raises:
        SettingsInvalid, NoticeAddressRefused: settings that cannot be used.
    """
    return await asyncio.to_thread(Postman, settings, keys, clock)


def _tls(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise SettingsInvalid(f"notice_ca {ca}: {error}") from error


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
