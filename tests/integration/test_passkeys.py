"""Passkeys over the real API, by an authenticator in software: what it is asked, what it proves, what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from controller.people.rules import Role
from tests.fakes.account_house import AccountHouse, account_house
from tests.fakes.authenticator import ES256, Authenticator

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AccountHouse]:
    folder: Path = tmp_path_factory.mktemp("house")
    async with account_house(folder, sign_ins_per_address_per_min=100_000) as made:
        yield made


async def sign_in(house: AccountHouse, key: Authenticator, **lies: Any) -> tuple[int, dict[str, Any]]:
    async with house.client() as client:
        asked = (await client.post("/sign-in/passkey/options")).json()["publicKey"]
        body = {"credential": key.get(asked, **lies), "keep": "token"}
        answer = await client.post("/sign-in/passkey", json=body)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("algorithm", [ES256])
async def test_a_passkey_alone_signs_in_as_two_factors(house: AccountHouse, algorithm: int) -> None:
    lan = await house.person("Lan", Role.APPROVER)
    key, _ = await house.passkey(await house.session(lan), algorithm=algorithm)

    status, told = await sign_in(house, key)

    assert status == 200
    assert (told["person"]["id"], told["strong"], told["next"]) == (lan.id, True, "nothing")
    async with house.client(told["secret"]) as client:
        me = (await client.get("/me")).json()
    assert (me["person_id"], me["strong"]) == (lan.id, True)
