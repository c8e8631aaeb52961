"""The provincial sign-on over the real API, with an identity provider that speaks and signs for itself, and lies."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from controller.people.rules import Role
from controller.people.tables import Person
from tests.fakes.account_house import PAGES, AccountHouse, account_house
from tests.fakes.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider

pytestmark = pytest.mark.asyncio(loop_scope="module")
MFA = "urn:tinh:aal2"


@pytest.fixture(scope="module")
def running() -> Iterator[IdentityProvider]:
    with identity_provider() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(running: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AccountHouse]:
    folder: Path = tmp_path_factory.mktemp("house")
    (folder / "secret").write_text(SECRET + "\n")
    settings: dict[str, Any] = {
        "oidc_issuer": running.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret_file": folder / "secret",
        "oidc_strong_acr": (MFA,),
        "oidc_strong_amr": ("mfa",),
        "sign_ins_per_address_per_min": 100_000,
    }
    async with account_house(folder, **settings) as made:
        yield made


@pytest.fixture
def provider(running: IdentityProvider, house: AccountHouse) -> Iterator[IdentityProvider]:
    """As it is when nobody lies, with the house's clock."""
    forget(house)
    running.now = lambda: house.clock.now().timestamp()
    yield running
    running.claims, running.header, running.description, running.replies = {}, {}, {}, {}
    running.token, running.trickle = None, None
    forget(house)


def forget(house: AccountHouse) -> None:
    """The controller knows nothing of its provider yet."""
    assert house.controller.oidc is not None
    house.controller.oidc._said = house.controller.oidc._keys = house.controller.oidc._away = None


def browser(house: AccountHouse) -> httpx.AsyncClient:
    """With cookies, as a page of ours would ask."""
    return house.client(Origin=PAGES)


async def linked(house: AccountHouse, subject: str, *roles: Role) -> Person:
    person = await house.person(subject, *roles)
    async with house.client("bi-mat") as client:
        answer = await client.put(f"/people/{person.id}/oidc-link", json={"subject": subject})
    assert answer.status_code == 200, answer.text
    return person


async def sent(client: httpx.AsyncClient, path: str = "/sign-in/oidc") -> str:
    answer = await client.post(path)
    assert answer.status_code == 200, answer.text
    address: str = answer.json()["address"]
    return address


async def sign_on(
    house: AccountHouse, provider: IdentityProvider, subject: str, change: Callable[[str], str] = str
) -> tuple[httpx.Response, dict[str, Any]]:
    """A browser goes there and comes back; then who it is."""
    async with browser(house) as client:
        back = await client.get(change(provider.log_in(await sent(client), subject)))
        me = (await client.get("/me")).json()
    return back, me


async def test_a_linked_person_signs_on_and_is_strong_where_the_settings_say_so(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    lan = await linked(house, "lan", Role.APPROVER)
    provider.claims = {"acr": MFA, "auth_time": int(provider.now()) - 60}

    back, me = await sign_on(house, provider, "lan")

    assert (back.status_code, back.headers["location"]) == (303, f"{PAGES}/")
    assert (me["person_id"], me["strong"], me["next"]) == (lan.id, True, "nothing")
    told = await house.entries("sign-in")
    assert (told[-1].who.person, told[-1].facts["how"]) == (lan.id, "oidc")
