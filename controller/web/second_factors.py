"""Second factors of one's own account: an authenticator app by QR code, codes on paper, passkeys taken away.

What is shown once is answered to the form itself, without a redirect: nothing keeps it. Passkeys are made by a script,
which talks to the API itself.
"""

import segno
from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from controller.web.account import ACCOUNT
from controller.web.backend import Refused
from controller.web.visits import Visit, recognised, signed_page

AUTHENTICATOR = f"{ACCOUNT}/authenticator"
_PREFIX = "otpauth://totp/"


async def begin(visit: Visit) -> Response:
    """A QR code for the app."""
    told = await visit.api.send("POST", "/second-factor/authenticator")
    return visit.page("authenticator.html", address=told["address"], secret=told["secret"], code=qr(told["address"]))


async def confirm(visit: Visit) -> Response:
    """The app shows the right code: codes for the worst day are shown."""
    address, secret = visit.form.values.get("address", ""), visit.form.values.get("shown", "")
    try:
        told = await visit.api.send(
            "POST", "/second-factor/authenticator/confirmation", {"code": visit.form.get("code")}
        )
    except Refused as refused:
        if refused.code != "code_wrong" or not address.startswith(_PREFIX):
            raise
        return visit.again("authenticator.html", refused, address=address, secret=secret, code=qr(address))
    await recognised(visit)
    return visit.page("recovery_codes.html", codes=told["codes"])


async def new_codes(visit: Visit) -> Response:
    """Fresh ones on paper."""
    told = await visit.api.send("POST", "/second-factor/recovery-codes")
    return visit.page("recovery_codes.html", codes=told["codes"])


async def remove(visit: Visit) -> Response:
    """Do without the app."""
    await visit.api.send("DELETE", "/second-factor/authenticator")
    return visit.go(ACCOUNT, told="authenticator-gone")


async def remove_passkey(visit: Visit) -> Response:
    """Do without a passkey."""
    await visit.api.send("DELETE", f"/second-factor/passkeys/{visit.form.get('passkey')}")
    return visit.go(ACCOUNT, told="passkey-gone")


async def added_passkey(visit: Visit) -> Response:
    """Where the script comes back to."""
    return visit.go(ACCOUNT, told="passkey-added")


def qr(text: str) -> Markup:
    """A QR code as a drawing within the page; dark on white in every theme, with its quiet zone."""
    drawn: str = segno.make(text, error="m").svg_inline(
        border=4, dark="#000", light="#fff", svgclass="qr", omitsize=True
    )
    return Markup(drawn)  # noqa: S704 - drawn here


routes = [
    Route(AUTHENTICATOR, signed_page(begin), methods=["POST"]),
    Route(f"{AUTHENTICATOR}/confirmation", signed_page(confirm), methods=["POST"]),
    Route(f"{AUTHENTICATOR}/removal", signed_page(remove), methods=["POST"]),
    Route(f"{ACCOUNT}/recovery-codes", signed_page(new_codes), methods=["POST"]),
    Route(f"{ACCOUNT}/passkey-removal", signed_page(remove_passkey), methods=["POST"]),
    Route(f"{ACCOUNT}/passkey-added", signed_page(added_passkey), methods=["GET"]),
]
