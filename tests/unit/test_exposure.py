"""Where the controller listens: on its own machine, or behind a proxy that speaks https to people."""

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from controller.api.transport import EncryptedOnly
from controller.runtime.exposure import ListenRefused, require_safe
from controller.runtime.settings import Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is refused
PUBLIC = "https://loa.tinh.example"


@pytest.mark.parametrize("host", [EVERYWHERE, "192.168.1.5", "::", "loa.example.vn", ""])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"public_url": PUBLIC},
        {"trusted_proxies": ("10.0.0.2",)},
        {"public_url": "http://loa.tinh.example", "trusted_proxies": ("10.0.0.2",)},
    ],
)
def test_an_address_others_can_reach_needs_a_proxy_with_https(host: str, given: dict[str, Any]) -> None:
    settings = Settings(http_host=host, **given)

    with pytest.raises(ListenRefused, match=r"LOA_PUBLIC_URL|LOA_TRUSTED_PROXIES"):
        require_safe(settings)


@pytest.mark.parametrize(
    "given",
    [
        {"http_host": EVERYWHERE, "public_url": PUBLIC, "trusted_proxies": ("10.0.0.2",)},
        {"public_url": PUBLIC},
        {"trusted_proxies": ("10.0.0.2",)},
    ],
)
def test_links_of_a_demonstration_are_for_this_machine_alone(given: dict[str, Any]) -> None:
    with pytest.raises(ListenRefused, match="LOA_HOST_ACTS_FOR_PEOPLE"):
        require_safe(Settings(host_acts_for_people=True, **given))
    require_safe(Settings(host_acts_for_people=True))


def test_a_public_address_without_https_is_refused_on_this_machine_too() -> None:
    with pytest.raises(ListenRefused, match="unencrypted"):
        require_safe(Settings(public_url="http://loa.tinh.example"))
    require_safe(Settings(public_url="http://localhost:8080"))


@pytest.mark.parametrize(
    "given",
    [
        *({"http_host": host} for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")),
        {"http_host": EVERYWHERE, "public_url": PUBLIC, "trusted_proxies": ("10.0.0.2",)},
    ],
)
def test_this_machine_and_a_proxy_with_https_are_accepted(given: dict[str, Any]) -> None:
    require_safe(Settings(**given))


@pytest.mark.parametrize(
    ("scheme", "client", "path", "status"),
    [
        ("http", "203.0.113.9", "/api/v1/sign-in", 403),
        ("https", "203.0.113.9", "/api/v1/sign-in", 200),
        ("http", "127.0.0.1", "/api/v1/sign-in", 200),
        ("http", "203.0.113.9", "/api/v1/health", 200),
    ],
)
async def test_beyond_this_machine_only_https_is_answered(scheme: str, client: str, path: str, status: int) -> None:
    sent: list[Message] = []

    async def inner(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "scheme": scheme, "client": (client, 1), "path": path, "headers": []}

    await EncryptedOnly(inner)(scope, receive, send)

    assert sent[0]["status"] == status
