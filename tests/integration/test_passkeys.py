"""Passkeys over the real API, by an authenticator in software: what it is asked, what it proves, what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from controller.accounts.limiting import AddressLimit
from controller.accounts.passkeys.rules import LIFE, MOST
from controller.accounts.passkeys.tables import Passkey, PasskeyChallenge
from controller.notices.tables import Notice
from controller.people import service as people
from controller.people.acting import RECENT
from controller.people.rules import Role
from controller.people.tables import Person
from tests.fakes.account_house import PAGES, AccountHouse, account_house
from tests.fakes.authenticator import (
    EDDSA,
    ES256,
    PRESENT,
    RS256,
    VERIFIED,
    Authenticator,
    b64,
    cbor,
    new_key,
    unb64,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
ELSEWHERE = "https://elsewhere.example"
FIELDS = ("id", "rawId", "clientDataJSON", "authenticatorData", "signature", "userHandle")
_mutated: Authenticator | None = None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AccountHouse]:
    folder: Path = tmp_path_factory.mktemp("house")
    async with account_house(folder, sign_ins_per_address_per_min=100_000) as made:
        yield made


async def owner(house: AccountHouse, *roles: Role, **given: Any) -> tuple[Person, Authenticator, str]:
    """Somebody with a passkey, and the strong session in which they added it."""
    person = await house.person("Lan", *roles)
    key, secret = await house.passkey(await house.session(person), **given)
    return person, key, secret


async def options(house: AccountHouse, path: str, secret: str | None = None) -> dict[str, Any]:
    async with house.client(secret) as client:
        answer = await client.post(f"{path}/options")
    assert answer.status_code == 200, answer.text
    asked: dict[str, Any] = answer.json()["publicKey"]
    return asked


async def answer(house: AccountHouse, path: str, credential: Any, secret: str | None = None, **more: Any) -> Any:
    async with house.client(secret) as client:
        return await client.post(path, json={"credential": credential, **more})


async def sign_in(house: AccountHouse, key: Authenticator, /, **lies: Any) -> httpx.Response:
    credential = key.get(await options(house, "/sign-in/passkey"), **lies)
    found: httpx.Response = await answer(house, "/sign-in/passkey", credential, keep="token")
    return found


async def register(house: AccountHouse, secret: str, key: Authenticator, /, **lies: Any) -> httpx.Response:
    credential = key.create(await options(house, "/second-factor/passkeys", secret), **lies)
    found: httpx.Response = await answer(house, "/second-factor/passkeys", credential, secret, name="Khóa")
    return found


async def who(house: AccountHouse, secret: str) -> dict[str, Any]:
    async with house.client(secret) as client:
        told = await client.get("/me")
    return {"status": told.status_code, **told.json()}


def code(found: httpx.Response) -> tuple[int, str]:
    return found.status_code, found.json().get("code", "")


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
async def test_a_passkey_alone_signs_in_as_two_factors(house: AccountHouse, algorithm: int) -> None:
    lan, key, _ = await owner(house, Role.APPROVER, algorithm=algorithm)

    found = await sign_in(house, key)

    assert found.status_code == 200, found.text
    told = found.json()
    assert (told["person"]["id"], told["strong"], told["next"]) == (lan.id, True, "nothing")
    me = await who(house, told["secret"])
    assert (me["person_id"], me["strong"], me["ways"]) == (lan.id, True, ["passkey"])
    entry = (await house.entries("sign-in"))[-1]
    assert (entry.who.person, entry.outcome, entry.facts["how"]) == (lan.id, "done", "passkey")


async def test_a_browser_is_asked_for_a_passkey_that_it_finds_by_itself_and_that_verifies_its_user(
    house: AccountHouse,
) -> None:
    lan = await house.person()
    asked = await options(house, "/second-factor/passkeys", await house.session(lan))

    assert asked["rp"] == {"id": "localhost", "name": "Loa"}
    assert unb64(asked["user"]["id"]).decode() == lan.id
    assert [one["alg"] for one in asked["pubKeyCredParams"]] == [ES256, EDDSA, RS256]
    selection = asked["authenticatorSelection"]
    assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
    assert (asked["attestation"], len(unb64(asked["challenge"]))) == ("none", 32)
    signing = await options(house, "/sign-in/passkey")
    assert (signing["rpId"], signing["userVerification"], signing["allowCredentials"]) == ("localhost", "required", [])


LIES: dict[str, dict[str, Any]] = {
    "another origin": {"origin": ELSEWHERE},
    "the same name, another port": {"origin": "http://localhost:8081"},
    "another RP ID": {"rp_id": "elsewhere.example"},
    "the user was not verified": {"flags": PRESENT},
    "nobody was present": {"flags": VERIFIED},
    "made, not proved": {"kind": "webauthn.create"},
    "in a frame of another page": {"crossOrigin": True},
    "under a page of another site": {"topOrigin": ELSEWHERE},
}


@pytest.mark.parametrize("lie", [*LIES, "another key", "another person's handle", "no handle"])
async def test_a_proof_that_is_not_of_this_page_this_key_and_this_person_signs_nobody_in(
    house: AccountHouse, lie: str
) -> None:
    _, key, _ = await owner(house)
    other = await house.person("An")
    lies = {
        **LIES,
        "another key": {"key": new_key(ES256)},
        "another person's handle": {"handle": other.id.encode()},
        "no handle": {"handle": b""},
    }

    found = await sign_in(house, key, **lies[lie])

    assert code(found) == (401, "passkey_refused")
    assert "secret" not in found.json()
    assert (await sign_in(house, key)).status_code == 200  # and nobody was locked out by it


@pytest.mark.parametrize("lie", LIES)
async def test_a_passkey_that_was_not_made_here_is_not_kept(house: AccountHouse, lie: str) -> None:
    lan = await house.person()
    secret = await house.session(lan)
    lies = LIES[lie] | ({"kind": "webauthn.get"} if "kind" in LIES[lie] else {})

    found = await register(house, secret, Authenticator(PAGES), **lies)

    assert code(found) == (422, "passkey_invalid")
    assert (await who(house, secret))["ways"] == []


async def test_keys_that_do_not_fit_their_algorithm_are_not_kept(house: AccountHouse) -> None:
    secret = await house.session(await house.person())
    small, wide, curve, claimed = (Authenticator(PAGES) for _ in range(4))
    small.key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused
    wide.key = rsa.generate_private_key(public_exponent=3, key_size=2048)
    curve.key = ec.generate_private_key(ec.SECP384R1())

    found = [await register(house, secret, key) for key in (small, wide, curve)]
    found += [await register(house, secret, claimed, claims=algorithm) for algorithm in (-36, -48, EDDSA, -65535)]

    assert [code(one) for one in found] == [(422, "passkey_invalid")] * 7


async def test_an_attestation_nobody_asked_for_is_not_looked_at(house: AccountHouse) -> None:
    secret = await house.session(await house.person())
    key = Authenticator(PAGES)
    made = key.create(await options(house, "/second-factor/passkeys", secret))
    raw = unb64(made["response"]["attestationObject"])
    for forged in (raw.replace(b"dnone", b"itpmtpmtp", 1), raw.replace(cbor("none"), cbor("android-safetynet"), 1)):
        made["response"]["attestationObject"] = b64(forged)
        asked = await options(house, "/second-factor/passkeys", secret)
        made["response"]["clientDataJSON"] = key.create(asked)["response"]["clientDataJSON"]

        found = await answer(house, "/second-factor/passkeys", made, secret, name="Khóa")

        assert code(found) == (422, "passkey_invalid")


async def test_an_answer_is_taken_once(house: AccountHouse) -> None:
    _, key, secret = await owner(house)
    credential = key.get(await options(house, "/sign-in/passkey"))
    made = Authenticator(PAGES).create(await options(house, "/second-factor/passkeys", secret))

    first = await answer(house, "/sign-in/passkey", credential, keep="token")
    again = await answer(house, "/sign-in/passkey", credential, keep="token")
    kept = await answer(house, "/second-factor/passkeys", made, secret, name="Khóa")
    twice = await answer(house, "/second-factor/passkeys", made, kept.json()["secret"], name="Khóa")

    assert (first.status_code, kept.status_code) == (200, 201)
    assert code(again) == code(twice) == (409, "passkey_challenge_over")


async def test_a_wrong_answer_uses_its_challenge_up(house: AccountHouse) -> None:
    _, key, _ = await owner(house)
    asked = await options(house, "/sign-in/passkey")

    wrong = await answer(house, "/sign-in/passkey", key.get(asked, origin=ELSEWHERE), keep="token")
    right = await answer(house, "/sign-in/passkey", key.get(asked), keep="token")

    assert (code(wrong), code(right)) == ((401, "passkey_refused"), (409, "passkey_challenge_over"))


async def test_a_challenge_is_good_for_its_purpose_and_in_its_session_only(house: AccountHouse) -> None:
    lan, key, secret = await owner(house)
    other = await house.session(lan, strong=True)
    proof, signing = "/sign-in/proof/passkey", "/sign-in/passkey"

    found = [
        await answer(house, proof, key.get(await options(house, signing)), secret),
        await answer(house, signing, key.get(await options(house, proof, secret)), keep="token"),
        await answer(house, proof, key.get(await options(house, proof, other)), secret),
        await answer(house, signing, key.get(await options(house, signing) | {"challenge": b64(bytes(32))})),
    ]

    assert [code(one) for one in found] == [(409, "passkey_challenge_over")] * 4


async def test_a_challenge_expires_and_is_cleared_away(house: AccountHouse) -> None:
    _, key, _ = await owner(house)
    asked = await options(house, "/sign-in/passkey")
    before = house.clock.ahead
    house.later(seconds=LIFE.total_seconds())

    found = await answer(house, "/sign-in/passkey", key.get(asked))
    await options(house, "/sign-in/passkey")
    house.later(seconds=LIFE.total_seconds() + 1)
    await options(house, "/sign-in/passkey")

    assert code(found) == (409, "passkey_challenge_over")
    async with house.db.reading() as session:
        assert len((await session.scalars(select(PasskeyChallenge))).all()) == 1
    house.clock.ahead = before


async def test_a_counter_that_went_back_locks_the_key_for_both_and_its_person_is_told(house: AccountHouse) -> None:
    lan, key, secret = await owner(house, counter=1)
    copy = replace(key)
    copy.key, copy.id = key.key, key.id
    assert [(await sign_in(house, key)).status_code for _ in range(3)] == [200] * 3

    of_copy, of_owner = await sign_in(house, copy), await sign_in(house, key)

    assert code(of_copy) == code(of_owner) == (401, "passkey_copied")
    entries = [one for one in await house.entries("sign-in") if one.about == {"person_id": lan.id}]
    assert [one.outcome for one in entries] == ["done"] * 3 + ["passkey_copied"] * 2
    async with house.db.reading() as session:
        notices = (await session.scalars(select(Notice).where(Notice.person_id == lan.id))).all()
    assert [(one.kind, "sao chép" in one.subject) for one in notices if one.kind != "passkey_added"] == [
        ("passkey_copied", True)
    ]
    async with house.client(secret) as client:
        (listed,) = (await client.get("/second-factor/passkeys")).json()
    assert listed["copied_at"] is not None
    assert (await who(house, secret))["ways"] == []


async def test_who_has_not_the_key_cannot_lock_it(house: AccountHouse) -> None:
    _, key, _ = await owner(house, counter=100)
    assert (await sign_in(house, key)).status_code == 200
    key.counter = 5

    forged = await sign_in(house, key, key=new_key(ES256))
    key.counter = 200

    assert code(forged) == (401, "passkey_refused")
    assert (await sign_in(house, key)).status_code == 200


async def test_a_key_without_a_counter_is_fine(house: AccountHouse) -> None:
    _, key, _ = await owner(house)

    found = [await sign_in(house, key, steps=0) for _ in range(2)]

    assert [one.status_code for one in found] == [200, 200]


async def test_the_passkey_of_who_has_left_is_nobodys(house: AccountHouse) -> None:
    lan, key, secret = await owner(house)
    async with house.db.transaction() as session:
        await people.retire(session, lan.id, now=house.clock.now())

    found = await sign_in(house, key)

    assert code(found) == (401, "passkey_refused")
    assert (await who(house, secret))["status"] == 401
    async with house.db.reading() as session:
        assert (await session.scalars(select(Passkey).where(Passkey.person_id == lan.id))).all() == []


async def test_a_passkey_proves_nothing_in_the_session_of_somebody_else(house: AccountHouse) -> None:
    _, lans, _ = await owner(house)
    an = await house.person("An")
    ans, secret = await house.passkey(await house.session(an))
    path = "/sign-in/proof/passkey"

    found = [
        await answer(house, path, lans.get(await options(house, path, secret)), secret),
        await answer(house, path, lans.get(await options(house, path, secret), handle=an.id.encode()), secret),
        await answer(house, path, lans.get(await options(house, path, secret), handle=b""), secret),
        await answer(house, path, ans.get(await options(house, path, secret)), secret),
    ]

    assert [one.status_code for one in found] == [401, 401, 401, 200]
    refusals = [one for one in await house.entries("sign-in: proof") if one.who.person == an.id]
    assert [one.outcome for one in refusals] == ["passkey_refused"] * 3 + ["done"]


async def test_a_proof_makes_a_session_strong_recent_and_gives_it_a_new_secret(house: AccountHouse) -> None:
    lan, key, _ = await owner(house, Role.APPROVER)
    weak = await house.session(lan)
    house.later(seconds=RECENT.total_seconds())
    path = "/sign-in/proof/passkey"
    asked = await options(house, path, weak)
    assert [one["id"] for one in asked["allowCredentials"]] == [b64(key.id)]

    found = await answer(house, path, key.get(asked), weak)

    told = found.json()
    assert (found.status_code, told["strong"], told["next"]) == (200, True, "nothing")
    assert (await who(house, weak))["status"] == 401
    assert (await who(house, told["secret"]))["strong"]


async def test_a_pending_session_goes_on_by_a_passkey(house: AccountHouse) -> None:
    lan, key, _ = await owner(house)
    pending = await house.session(lan, pending=True)
    path = "/sign-in/proof/passkey"

    found = await answer(house, path, key.get(await options(house, path, pending)), pending)

    assert (await who(house, pending))["status"] == 401
    me = await who(house, found.json()["secret"])
    assert (me["status"], me["strong"]) == (200, True)
    assert [one.facts["how"] for one in await house.entries("sign-in: second factor")][-1] == "password+passkey"


async def test_adding_needs_a_proof_of_a_moment_ago_and_both_factors_of_who_has_both(house: AccountHouse) -> None:
    lan, _, strong = await owner(house)
    weak = await house.session(lan)
    asked = await options(house, "/second-factor/passkeys", strong)
    async with house.client(weak) as client:
        refused = await client.post("/second-factor/passkeys/options")
    house.later(seconds=RECENT.total_seconds())

    late = await answer(house, "/second-factor/passkeys", Authenticator(PAGES).create(asked), strong, name="Khóa")
    async with house.client(strong) as client:
        too_late = await client.post("/second-factor/passkeys/options")
        removed = await client.delete("/second-factor/passkeys/019a")
    async with house.client() as client:
        stranger = await client.post("/second-factor/passkeys/options")
    async with house.client("bi-mat") as client:
        host = await client.post("/second-factor/passkeys/options")

    assert code(refused) == (403, "stronger_proof_needed")
    assert code(late) == code(too_late) == code(removed) == (403, "proof_needed")
    assert code(stranger) == (401, "not_signed_in")
    assert code(host) == (403, "session_needed")


async def test_adding_makes_this_session_strong_and_ends_the_others(house: AccountHouse) -> None:
    lan = await house.person()
    first, other = await house.session(lan), await house.session(lan)

    _, secret = await house.passkey(first)

    assert [(await who(house, one))["status"] for one in (first, other)] == [401, 401]
    assert (await who(house, secret))["strong"]


async def test_a_passkey_is_kept_once(house: AccountHouse) -> None:
    _, key, _ = await owner(house)
    an = await house.session(await house.person("An"))

    found = await register(house, an, key)

    assert code(found) == (422, "passkey_invalid")


async def test_passkeys_are_few_enough_to_look_over(house: AccountHouse) -> None:
    lan, _, secret = await owner(house)
    async with house.db.transaction() as session:
        (row,) = await session.scalars(select(Passkey).where(Passkey.person_id == lan.id))
        for number in range(MOST - 1):
            values = {name: getattr(row, name) for name in row.__mapper__.columns.keys()}  # noqa: SIM118 - no mapping
            session.add(Passkey(**values | {"id": f"k-{number}", "credential_id": f"k-{number}"}))

    async with house.client(secret) as client:
        found = await client.post("/second-factor/passkeys/options")

    assert code(found) == (409, "passkeys_full")


async def test_one_names_and_removes_ones_own(house: AccountHouse) -> None:
    lan, key, secret = await owner(house)
    other, secret = await house.passkey(secret, "Máy tính")
    _, _, stranger = await owner(house)
    async with house.client(secret) as mine, house.client(stranger) as theirs:
        first, second = (await mine.get("/second-factor/passkeys")).json()
        path = f"/second-factor/passkeys/{first['id']}"

        named = await mine.patch(path, json={"name": "  Điện thoại "})
        foreign = [await theirs.patch(path, json={"name": "x"}), await theirs.delete(path)]
        gone = await mine.delete(path)
        left = (await mine.get("/second-factor/passkeys")).json()

    assert (named.json()["name"], second["name"], gone.status_code) == ("Điện thoại", "Máy tính", 204)
    assert [code(one) for one in foreign] == [(404, "passkey_unknown")] * 2
    assert [one["id"] for one in left] == [second["id"]]
    async with house.db.reading() as session:
        told = (await session.scalars(select(Notice).where(Notice.person_id == lan.id).order_by(Notice.id))).all()
    assert [one.kind for one in told] == ["passkey_added", "passkey_added", "passkey_removed"]
    assert "“Điện thoại”" in told[-1].text
    assert code(await sign_in(house, key)) == (401, "passkey_refused")
    assert (await sign_in(house, other)).status_code == 200


@pytest.mark.parametrize(("roles", "status"), [((Role.APPROVER,), 409), ((Role.ADMINISTRATOR,), 409), ((), 409)])
async def test_the_last_way_to_sign_in_as_ones_roles_demand_is_not_removed(
    house: AccountHouse, roles: tuple[Role, ...], status: int
) -> None:
    _, _, secret = await owner(house, *roles)
    async with house.client(secret) as client:
        (only,) = (await client.get("/second-factor/passkeys")).json()

        found = await client.delete(f"/second-factor/passkeys/{only['id']}")

        assert (found.status_code, found.json()["code"]) == (status, "last_factor")
        assert len((await client.get("/second-factor/passkeys")).json()) == 1


async def test_answers_of_another_form_are_refused_and_not_looked_at(house: AccountHouse) -> None:
    _, key, _ = await owner(house)
    good = key.get(await options(house, "/sign-in/passkey"))
    padded = good | {"id": good["id"] + "="}
    bad = [{}, None, "x", good | {"type": "password"}, padded, good | {"response": {}}, good | {"rawId": "é"}]
    bad.append(good | {"response": good["response"] | {"clientDataJSON": "A" * 100_000}})

    found = [await answer(house, "/sign-in/passkey", one) for one in bad]
    right = await answer(house, "/sign-in/passkey", good | {"somethingNew": 1}, keep="token")

    assert {one.status_code for one in found} == {422}
    assert right.status_code == 200


@settings(max_examples=20)
@given(st.sampled_from(FIELDS), st.integers(0, 10_000), st.integers(1, 255))
async def test_an_answer_changed_anywhere_on_its_way_signs_nobody_in_and_breaks_nothing(
    house: AccountHouse, field: str, place: int, mask: int
) -> None:
    global _mutated  # noqa: PLW0603 - one person for all examples
    _mutated = _mutated or (await owner(house))[1]
    credential = _mutated.get(await options(house, "/sign-in/passkey"))
    part = credential if field in credential else credential["response"]
    raw = unb64(part[field])
    at = place % len(raw)
    part[field] = b64(raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :])

    found = await answer(house, "/sign-in/passkey", credential, keep="token")

    assert code(found) in {(401, "passkey_refused"), (409, "passkey_challenge_over")}


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
async def test_a_body_changed_anywhere_is_read_alike_or_refused(house: AccountHouse, place: int, put: bytes) -> None:
    key = Authenticator(PAGES, rp_id="localhost", handle=b"nobody")
    body = json.dumps({"credential": key.get(await options(house, "/sign-in/passkey"))}).encode()
    at = place % len(body)
    async with house.client() as client:
        headers = {"Content-Type": "application/json"}

        found = await client.post("/sign-in/passkey", content=body[:at] + put + body[at + 1 :], headers=headers)

    assert found.status_code in {400, 401, 409, 422}


async def test_pages_of_other_sites_begin_nothing(house: AccountHouse) -> None:
    async with house.client(Origin=ELSEWHERE) as foreign, house.client(**{"Sec-Fetch-Site": "cross-site"}) as framed:
        found = [await client.post("/sign-in/passkey/options") for client in (foreign, framed)]

    assert [code(one) for one in found] == [(403, "csrf_refused")] * 2


async def test_a_cookies_session_proves_with_its_csrf_token_only(house: AccountHouse) -> None:
    lan, key, _ = await owner(house)
    path = "/sign-in/proof/passkey"
    async with house.client(Origin=PAGES) as page:
        asked = (await page.post("/sign-in/passkey/options")).json()["publicKey"]
        begun = await page.post("/sign-in/passkey", json={"credential": key.get(asked)})
        forged = await page.post(f"{path}/options")
        token = {"X-Loa-CSRF": begun.json()["csrf"]}
        asked = (await page.post(f"{path}/options", headers=token)).json()["publicKey"]
        proved = await page.post(path, json={"credential": key.get(asked)}, headers=token)
        me = (await page.get("/me")).json()

    assert (begun.status_code, begun.json()["secret"]) == (200, None)
    assert code(forged) == (403, "csrf_refused")
    assert (proved.status_code, me["person_id"]) == (200, lan.id)


async def test_pages_at_an_address_of_numbers_have_no_passkeys(house: AccountHouse) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=house.app), base_url="http://127.0.0.1:8080/api/v1"
    ) as client:
        found = await client.post("/sign-in/passkey/options")

    assert code(found) == (409, "passkeys_unavailable")
    assert "http://localhost" in found.json()["detail"]


async def test_one_address_is_not_asked_for_ever(house: AccountHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(house.app.state.doors, addresses=AddressLimit(3))
    monkeypatch.setitem(house.app.state._state, "doors", few)
    async with house.client() as client:
        found = [await client.post("/sign-in/passkey/options") for _ in range(4)]

    assert [one.status_code for one in found] == [200, 200, 200, 429]


@pytest.mark.asyncio(loop_scope="function")
async def test_of_two_who_answer_one_challenge_at_once_one_signs_in(database: str, tmp_path: Path) -> None:
    async with account_house(tmp_path / "house", database_url=database) as there:
        _, key, _ = await owner(there)
        credential = key.get(await options(there, "/sign-in/passkey"))

        found = await asyncio.gather(*(answer(there, "/sign-in/passkey", credential) for _ in range(4)))

        assert sorted(one.status_code for one in found) == [200, 409, 409, 409]
        async with there.db.reading() as session:
            (row,) = (await session.scalars(select(Passkey))).all()
        assert (row.sign_count, row.used_at is not None) == (key.counter, True)
