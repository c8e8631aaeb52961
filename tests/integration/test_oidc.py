"""The provincial sign-on over the real API, with an identity provider that speaks and signs for itself, and lies."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from controller.accounts.oidc import provider as oidc_provider
from controller.accounts.oidc.provider import MOST_BYTES
from controller.accounts.oidc.rules import LIFE
from controller.accounts.oidc.tables import OidcFlow, OidcLink
from controller.accounts.tables import SignedIn
from controller.notices.tables import Notice
from controller.people import service as people
from controller.people.acting import RECENT
from controller.people.rules import Role
from controller.people.tables import Person
from tests.fakes.account_house import PAGES, AccountHouse, account_house
from tests.fakes.authenticator import b64
from tests.fakes.identity_provider import CLIENT, SECRET, IdentityProvider, Reply, identity_provider, jwk, jws, new_key

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
    running.asked.clear()
    running.now = lambda: house.clock.now().timestamp()
    yield running
    running.claims, running.header, running.description, running.replies = {}, {}, {}, {}
    running.token, running.trickle = None, None
    running.asked.clear()
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


async def linked_once(house: AccountHouse, subject: str) -> Person:
    """As `linked`, once for all tests here."""
    async with house.db.reading() as session:
        query = select(Person).join(OidcLink, OidcLink.person_id == Person.id).where(OidcLink.subject == subject)
        known = (await session.scalars(query)).one_or_none()
    return known or await linked(house, subject)


@asynccontextmanager
async def signed_in_browser(house: AccountHouse, person: Person, **more: bool) -> AsyncIterator[httpx.AsyncClient]:
    """With a session's cookie, and the token of its pages."""
    async with browser(house) as client:
        client.cookies.set("loa", await house.session(person, **more), domain="localhost.local")
        client.headers["X-Loa-CSRF"] = (await client.get("/me")).json()["csrf"]
        yield client


def changed(address: str, changes: dict[str, str | None]) -> str:
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return parts._replace(query=urlencode({name: one for name, one in query.items() if one is not None})).geturl()


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


async def test_a_sign_on_without_a_second_factor_is_no_more_than_a_password(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    plain = await linked(house, "plain", Role.APPROVER)
    keyed = await linked(house, "keyed")
    await house.passkey(await house.session(keyed))
    provider.claims = {"acr": "urn:tinh:aal1", "amr": ["pwd"]}

    _, mine = await sign_on(house, provider, "plain")
    back, theirs = await sign_on(house, provider, "keyed")

    assert (mine["person_id"], mine["strong"], mine["next"]) == (plain.id, False, "enrol")
    assert (back.status_code, theirs["code"]) == (303, "sign_in_unfinished")


async def test_a_pending_sign_on_goes_on_by_the_second_factor_of_here(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    keyed = await linked(house, "keyed-2")
    key, _ = await house.passkey(await house.session(keyed))
    async with browser(house) as client:
        await client.get(provider.log_in(await sent(client), "keyed-2"))
        pending = dict(client.cookies)["loa"]
    async with house.client(pending) as client:
        asked = (await client.post("/sign-in/proof/passkey/options")).json()["publicKey"]
        await client.post("/sign-in/proof/passkey", json={"credential": key.get(asked)})
    async with house.db.reading() as session:
        rows = (await session.scalars(select(SignedIn).where(SignedIn.person_id == keyed.id))).all()

    assert {(row.pending, row.strong) for row in rows} == {(False, True)}


@pytest.mark.parametrize("claims", [{"amr": ["pwd", "mfa"]}, {"acr": MFA}])
async def test_either_claim_of_the_settings_is_enough(
    house: AccountHouse, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    subject = f"strong-{len(claims)}-{next(iter(claims))}"
    await linked(house, subject)
    provider.claims = claims

    _, me = await sign_on(house, provider, subject)

    assert me["strong"]


async def test_when_it_was_proved_is_what_the_provider_says(house: AccountHouse, provider: IdentityProvider) -> None:
    await linked(house, "late")
    at = int(provider.now()) - 3600
    proofs = []
    for claim in (at, None, int(provider.now()) + 3600):
        provider.claims = {"auth_time": claim}
        _, me = await sign_on(house, provider, "late")
        proofs.append(datetime.fromisoformat(me["proved_at"]))

    now = house.clock.now()
    assert proofs[0] == datetime.fromtimestamp(at, UTC)
    assert proofs[1] < now - timedelta(hours=20)
    assert now - timedelta(minutes=1) < proofs[2] <= now


TOKEN_LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://elsewhere.example"},
    "no issuer": {"iss": None},
    "for another": {"aud": "other"},
    "for others, too": {"aud": [CLIENT, "other"]},
    "for nobody": {"aud": None},
    "asked for by another": {"azp": "other"},
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "expired": {"exp": 1_700_000_000},
    "for ever": {"exp": None},
    "never ending": {"exp": 1e400},
    "issued in the future": {"iat": 4_000_000_000},
    "issued long ago": {"iat": 1_700_000_000},
    "issued never": {"iat": None},
    "not valid yet": {"nbf": 4_000_000_000},
    "of nobody": {"sub": None},
    "of a number": {"sub": 7},
    "with another access token": {"at_hash": "x" * 22},
}


@pytest.mark.parametrize("lie", TOKEN_LIES)
async def test_a_token_that_says_anything_else_signs_nobody_in(
    house: AccountHouse, provider: IdentityProvider, lie: str
) -> None:
    await linked_once(house, "honest")
    provider.claims = TOKEN_LIES[lie]

    back, me = await sign_on(house, provider, "honest")

    assert (back.status_code, back.json()["code"]) == (401, "oidc_refused")
    assert me["code"] == "not_signed_in"


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jws(new_key("ES256"), header, claims).rpartition(".")[0] + "."


def with_shared_secret(provider: IdentityProvider) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Signed by HMAC with what everybody knows: the public key as it is published."""

    def token(header: dict[str, Any], claims: dict[str, Any]) -> str:
        head, payload, _ = jws(new_key("ES256"), header | {"alg": "HS256"}, claims).split(".")
        known = json.dumps(provider.keys[0]).encode()
        return f"{head}.{payload}.{b64(hmac.digest(known, f'{head}.{payload}'.encode(), 'sha256'))}"

    return token


@pytest.mark.parametrize(
    "lie", ["none", "none, unsigned", "HS256", "foreign key", "foreign key inside", "other algorithm", "noise", "cut"]
)
async def test_a_token_that_the_providers_key_did_not_sign_signs_nobody_in(
    house: AccountHouse, provider: IdentityProvider, lie: str
) -> None:
    await linked_once(house, "honest")
    foreign = new_key("ES256")
    tokens: dict[str, Callable[[dict[str, Any], dict[str, Any]], str]] = {
        "none": lambda header, claims: jws(provider.key, header | {"alg": "none"}, claims),
        "none, unsigned": lambda header, claims: unsigned(header | {"alg": "none"}, claims),
        "HS256": with_shared_secret(provider),
        "foreign key": lambda header, claims: jws(foreign, header, claims),
        "foreign key inside": lambda header, claims: jws(foreign, header | {"jwk": jwk(foreign, "k1")}, claims),
        "other algorithm": lambda header, claims: jws(provider.key, header | {"alg": "RS256"}, claims),
        "noise": lambda _header, _claims: "a.b.c",
        "cut": lambda header, claims: jws(provider.key, header, claims)[:-4],
    }
    provider.token = tokens[lie]

    back, me = await sign_on(house, provider, "honest")

    assert (back.status_code, back.json()["code"]) == (401, "oidc_refused")
    assert me["code"] == "not_signed_in"


@pytest.mark.parametrize("lie", ["state", "no state", "iss", "no iss", "error", "no code", "code", "other browser"])
async def test_what_a_browser_brings_back_is_of_its_own_sign_on(
    house: AccountHouse, provider: IdentityProvider, lie: str
) -> None:
    await linked_once(house, "honest")
    changes: dict[str, dict[str, str | None]] = {
        "state": {"state": "x" * 43},
        "no state": {"state": None},
        "iss": {"iss": "https://elsewhere.example"},
        "no iss": {"iss": None},
        "error": {"error": "access_denied"},
        "no code": {"code": None},
        "code": {"code": "another"},
        "other browser": {},
    }
    async with browser(house) as client:
        address = changed(provider.log_in(await sent(client), "honest"), changes[lie])
        if lie == "other browser":
            client.cookies.clear()
            await sent(client)

        back = await client.get(address)
        me = await client.get("/me")

    assert (back.status_code, back.json()["code"], me.status_code) == (401, "oidc_refused", 401)


async def test_a_code_is_brought_back_once_and_soon(house: AccountHouse, provider: IdentityProvider) -> None:
    await linked_once(house, "honest")
    async with browser(house) as client:
        address = provider.log_in(await sent(client), "honest")
        kept = client.cookies["loa-oidc"]
        first = await client.get(address)
        client.cookies.set("loa-oidc", kept, domain="localhost.local")
        again = await client.get(address)
        client.cookies.delete("loa-oidc")
        late = provider.log_in(await sent(client), "honest")
        before = house.clock.ahead
        house.later(seconds=LIFE.total_seconds())
        too_late = await client.get(late)
        house.clock.ahead = before

    assert first.status_code == 303
    assert [(one.status_code, one.json()["code"]) for one in (again, too_late)] == [(401, "oidc_refused")] * 2


async def test_nobody_is_made_by_a_sign_in_nor_found_by_mail(house: AccountHouse, provider: IdentityProvider) -> None:
    async with house.db.transaction() as session:
        made = await people.create(session, name="Mai", unit_id="xa", email="mai@xa.example", now=house.clock.now())
    provider.claims = {"acr": MFA, "email": "mai@xa.example", "email_verified": True}
    async with house.db.reading() as session:
        before = len((await session.scalars(select(Person))).all())

    back, me = await sign_on(house, provider, "mai")

    await house.controller.denials.write(everything=True)
    async with house.db.reading() as session:
        after = len((await session.scalars(select(Person))).all())
    assert "oidc_not_linked" in {one.outcome for one in await house.entries("GET /sign-in/oidc/callback")}
    assert (back.status_code, back.json()["code"], me["code"]) == (403, "oidc_not_linked", "not_signed_in")
    assert (before, made.retired_at) == (after, None)


async def test_who_has_left_signs_on_no_more_and_their_link_is_gone(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    gone = await linked(house, "gone")
    async with house.db.transaction() as session:
        await people.retire(session, gone.id, now=house.clock.now())

    back, _ = await sign_on(house, provider, "gone")

    assert back.json()["code"] == "oidc_not_linked"
    async with house.db.reading() as session:
        assert (await session.scalars(select(OidcLink).where(OidcLink.person_id == gone.id))).all() == []


async def test_one_links_oneself_while_signed_in_a_moment_after_a_proof(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    hoa = await house.person("Hoa")
    async with signed_in_browser(house, hoa) as client:
        address = await sent(client, "/second-factor/oidc-link")
        back = await client.get(provider.log_in(address, "hoa"))
        (link,) = (await client.get("/second-factor/oidc-link")).json()

    _, me = await sign_on(house, provider, "hoa")

    assert "prompt=login" in address
    assert (back.status_code, link["subject"], link["made_by"]) == (303, "hoa", hoa.id)
    assert me["person_id"] == hoa.id
    (entry,) = [one for one in await house.entries("linked with the provincial sign-on") if one.who.person == hoa.id]
    assert (entry.who.via, [change.table for change in entry.changes if change.table == "oidc_links"]) == (
        "session",
        ["oidc_links"],
    )


async def test_linking_oneself_needs_a_proof_and_both_factors_of_who_has_both(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    hoa = await house.person("Hoa")
    await house.passkey(await house.session(hoa))
    strong, weak = await house.session(hoa, strong=True), await house.session(hoa)
    async with house.client(weak) as client:
        without = await client.post("/second-factor/oidc-link")
    before = house.clock.ahead
    house.later(seconds=RECENT.total_seconds())
    async with house.client(strong) as client:
        late = [await client.post("/second-factor/oidc-link"), await client.delete("/second-factor/oidc-link")]
    house.clock.ahead = before

    assert (without.status_code, without.json()["code"]) == (403, "stronger_proof_needed")
    assert [one.json()["code"] for one in late] == ["proof_needed"] * 2
    assert provider.asked == []


async def test_what_the_provider_calls_somebody_is_one_person_here(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    first = await linked(house, "one")
    second = await house.person("Hai")
    async with house.client("bi-mat") as client:
        taken = await client.put(f"/people/{second.id}/oidc-link", json={"subject": "one"})
        again = await client.put(f"/people/{first.id}/oidc-link", json={"subject": "one"})
        other = await client.put(f"/people/{first.id}/oidc-link", json={"subject": "another"})
        gone = await client.delete(f"/people/{first.id}/oidc-link")
        twice = await client.delete(f"/people/{first.id}/oidc-link")
        free = await client.put(f"/people/{second.id}/oidc-link", json={"subject": "one"})
    async with signed_in_browser(house, first) as client:
        own = await client.get(provider.log_in(await sent(client, "/second-factor/oidc-link"), "one"))

    assert [one.status_code for one in (taken, again, other, gone, twice, free)] == [409, 200, 409, 204, 404, 200]
    assert (own.status_code, own.json()["code"]) == (409, "oidc_link_taken")


async def test_whom_an_administrator_links_is_told(house: AccountHouse, provider: IdentityProvider) -> None:
    person = await linked(house, "told")

    async with house.db.reading() as session:
        notices = (await session.scalars(select(Notice).where(Notice.person_id == person.id))).all()
    assert [(one.kind, "told" in one.text) for one in notices] == [("oidc_linked", True)]
    assert provider.asked == []


async def test_the_link_that_is_the_only_way_in_stays(house: AccountHouse, provider: IdentityProvider) -> None:
    person = await linked(house, "only")
    provider.claims = {"auth_time": int(provider.now())}
    async with browser(house) as client:
        await client.get(provider.log_in(await sent(client), "only"))
        token = {"X-Loa-CSRF": (await client.get("/me")).json()["csrf"]}
        refused = await client.delete("/second-factor/oidc-link", headers=token)
        key, _ = await house.passkey(await house.session(person))
        asked = (await client.post("/sign-in/passkey/options")).json()["publicKey"]
        signed = await client.post("/sign-in/passkey", json={"credential": key.get(asked)})
        fine = await client.delete("/second-factor/oidc-link", headers={"X-Loa-CSRF": signed.json()["csrf"]})

    assert (refused.status_code, refused.json()["code"], fine.status_code) == (409, "last_factor", 204)


@pytest.mark.parametrize(
    ("claims", "subject", "code"),
    [
        ({"acr": MFA}, "prover", None),
        ({"acr": MFA}, "somebody-else", "oidc_refused"),
        ({"acr": "urn:tinh:aal1"}, "prover", "stronger_proof_needed"),
        ({"acr": MFA, "auth_time": 1_700_000_000}, "prover", "oidc_refused"),
        ({"acr": MFA, "auth_time": None}, "prover", "oidc_refused"),
    ],
)
async def test_one_proves_anew_there_who_one_is(
    house: AccountHouse, provider: IdentityProvider, claims: dict[str, Any], subject: str, code: str | None
) -> None:
    person = await linked_once(house, "prover")
    await linked_once(house, "somebody-else")
    provider.claims = {"auth_time": int(provider.now())} | claims
    async with signed_in_browser(house, person, strong=True) as client:
        before = dict(client.cookies)["loa"]
        back = await client.get(provider.log_in(await sent(client, "/sign-in/proof/oidc"), subject))
        after = dict(client.cookies)["loa"]

    assert (back.status_code == 303) is (code is None)
    assert code is None or back.json()["code"] == code
    assert (before != after) is (code is None)


async def test_the_provider_may_turn_its_keys(house: AccountHouse, provider: IdentityProvider) -> None:
    await linked_once(house, "honest")
    assert (await sign_on(house, provider, "honest"))[0].status_code == 303
    provider.turn_key("k2")

    soon, _ = await sign_on(house, provider, "honest")
    house.later(seconds=31)
    later, _ = await sign_on(house, provider, "honest")

    assert (soon.status_code, later.status_code) == (401, 303)


DESCRIPTIONS: dict[str, Reply | dict[str, Any]] = {
    "another issuer": {"issuer": "https://elsewhere.example"},
    "tokens elsewhere": {"token_endpoint": "https://elsewhere.example/token"},
    "keys elsewhere": {"jwks_uri": "http://169.254.169.254/keys"},
    "no algorithm of ours": {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    "a redirect": (302, {"Location": "http://127.0.0.1:1/"}, b""),
    "not found": (404, {}, b"{}"),
    "no description": (200, {}, b"<html>"),
    "huge": (200, {}, b" " * (MOST_BYTES + 1)),
    "compressed": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
}


@pytest.mark.parametrize("lie", DESCRIPTIONS)
async def test_a_provider_that_describes_itself_otherwise_is_not_followed(
    house: AccountHouse, provider: IdentityProvider, lie: str
) -> None:
    told = DESCRIPTIONS[lie]
    if isinstance(told, dict):
        provider.description = told
    else:
        provider.replies["/.well-known/openid-configuration"] = told

    async with browser(house) as client:
        found = await client.post("/sign-in/oidc")

    assert (found.status_code, found.json()["code"]) == (502, "oidc_provider_wrong")
    assert provider.asked == [("GET", "/.well-known/openid-configuration")]


@pytest.mark.parametrize(
    ("path", "reply", "status"),
    [
        ("/keys", (200, {}, b'{"keys": []}'), 502),
        ("/keys", (200, {}, b"[" * 10_000), 502),
        (
            "/keys",
            (200, {}, b'{"keys": [{"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, 7]}'),
            502,
        ),
        ("/token", (200, {}, b"{}"), 502),
        ("/token", (200, {}, b'{"id_token": 7}'), 502),
        ("/token", (200, {}, b" " * (MOST_BYTES + 1)), 502),
        ("/token", (302, {"Location": "/elsewhere"}, b""), 502),
        ("/token", (400, {}, b'{"error": "invalid_grant"}'), 401),
        ("/token", (500, {}, b""), 503),
    ],
)
async def test_whatever_else_the_provider_answers_signs_nobody_in(
    house: AccountHouse, provider: IdentityProvider, path: str, reply: Reply, status: int
) -> None:
    await linked_once(house, "honest")
    provider.replies[path] = reply

    back, me = await sign_on(house, provider, "honest")
    provider.replies.clear()
    again, _ = await sign_on(house, provider, "honest")

    assert (back.status_code, me["code"]) == (status, "not_signed_in")
    assert again.status_code == 303  # and nobody else was kept waiting
    assert ("GET", "/elsewhere") not in provider.asked


async def test_a_provider_that_dribbles_is_left_in_time_and_not_asked_again_at_once(
    house: AccountHouse, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "WITHIN_S", 0.4)
    provider.trickle = threading.Event()
    async with browser(house) as client:
        began = time.monotonic()
        found = [await client.post("/sign-in/oidc") for _ in range(3)]
        took_s = time.monotonic() - began

    assert [(one.status_code, one.json()["code"]) for one in found] == [(503, "oidc_provider_away")] * 3
    assert took_s < 3
    assert len(provider.asked) == 1


async def test_while_the_provider_is_down_people_sign_in_with_what_they_have_here(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    person = await linked(house, "still-here")
    key, _ = await house.passkey(await house.session(person))
    provider.replies["/.well-known/openid-configuration"] = (503, {}, b"")
    async with browser(house) as client:
        down = await client.post("/sign-in/oidc")
        asked = (await client.post("/sign-in/passkey/options")).json()["publicKey"]
        here = await client.post("/sign-in/passkey", json={"credential": key.get(asked)})
        provider.replies.clear()
        house.later(seconds=6)
        up = await client.post("/sign-in/oidc")

    assert (down.status_code, down.json()["code"]) == (503, "oidc_provider_away")
    assert "đăng nhập bằng cách khác" in down.json()["details"]["vi"]
    assert (here.status_code, up.status_code) == (200, 200)


async def test_our_secrets_go_to_the_provider_alone_and_codes_come_with_their_verifier(
    house: AccountHouse, provider: IdentityProvider
) -> None:
    await linked_once(house, "honest")
    async with browser(house) as client:
        address = await sent(client)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        kept = client.cookies["loa-oidc"]
        async with house.db.reading() as session:
            flow = await session.get(OidcFlow, hashlib.sha256(asked["state"].encode()).hexdigest())
        back = await client.get(provider.log_in(address, "honest"))
        left = dict(client.cookies)

    secret = base64.urlsafe_b64decode(kept)
    verifier = b64(hmac.digest(secret, b"verifier", "sha256"))
    assert asked["code_challenge"] == b64(hashlib.sha256(verifier.encode()).digest())
    assert SECRET not in address
    assert flow is not None
    assert (back.status_code, sorted(left)) == (303, ["loa"])


async def test_a_public_client_of_a_provider_that_signs_with_rsa_signs_in(
    house: AccountHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = {"token_endpoint_auth_methods_supported": ["none"]}
    with identity_provider("RS256", description=takes, public=True) as other:
        other.now = lambda: house.clock.now().timestamp()
        changes = {"oidc_issuer": other.url, "oidc_client_secret_file": None}
        asks = oidc_provider.of(house.controller.settings.model_copy(update=changes), house.clock)
        monkeypatch.setattr(house.controller, "oidc", asks)
        person = await linked(house, "lan")

        back, me = await sign_on(house, other, "lan")

        assert asks is not None
        await asks.close()
    assert (back.status_code, me["person_id"]) == (303, person.id)


async def test_without_a_provider_there_is_none(house: AccountHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.controller, "oidc", None)
    async with house.client() as client:
        found = [await client.post("/sign-in/oidc"), await client.get("/sign-in/oidc/callback?state=a&code=b")]

    assert [(one.status_code, one.json()["code"]) for one in found] == [(409, "oidc_not_set_up")] * 2
