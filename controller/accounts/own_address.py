"""Where people open our pages: what passkeys are bound to, and where a provider sends browsers back."""

from starlette.requests import Request

from controller.runtime.settings import Settings


def address_of(request: Request) -> str:
    """The public address of the settings, else the one that was asked for, which the list of hosts has allowed."""
    settings: Settings = request.app.state.controller.settings
    return (settings.public_url or f"{request.url.scheme}://{request.headers.get('host', '')}").rstrip("/")
