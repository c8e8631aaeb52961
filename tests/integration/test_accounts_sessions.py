"""Sessions over the API: their limits, secrets, cookies, and what no page of another site makes a browser do."""

import asyncio
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from controller.accounts.tables import SignedIn
from controller.api import events
from controller.people.rules import Role
from tests.fakes.databases import fresh_database
from tests.fakes.doorway import HOST, PASSWORD, UNIT, Browser, Doorway, doorway

PUBLIC = "https://loa.xa.example"


@pytest.fixture
async def xa(database: str, tmp_path: Path) -> AsyncIterator[Doorway]:
    """On both databases."""
    async with doorway(tmp_path, database) as made:
        yield made


@pytest.fixture
async def here(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Doorway]:
    """On SQLite, for what asks nothing of the database that others do not."""
    with fresh_database("sqlite", tmp_path, request) as url:
        async with doorway(tmp_path, url) as made:
            yield made


def told(answer: Any) -> tuple[int, str]:
    """Status and code."""
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


def shown(here: Doorway, secret: str) -> Browser:
    """A program with a session's secret."""
    return here.browser(Authorization=f"Bearer {secret}")


async def seen(_xa: Doorway, browser: Browser) -> int:
    return (await browser.ask("GET", "/me")).status_code


async def test_an_ordinary_session_lies_idle_for_eight_hours_and_lasts_seven_days(xa: Doorway) -> None:
    lan = await xa.member("lan", Role.OPERATOR)
    await xa.sign_in(lan, "lan")
    idle = xa.browser()
    await xa.sign_in(idle, "lan")

    states = []
    for _ in range(21):
        xa.pass_time(hours=7.9)
        states.append(await seen(xa, lan))
    xa.pass_time(hours=2.2)
    last = await seen(xa, lan)

    assert states == [200] * 21
    assert last == 401
    assert await seen(xa, idle) == 401


async def test_a_session_is_over_after_eight_hours_without_use(here: Doorway) -> None:
    lan = await here.member("lan", Role.OPERATOR)
    await here.sign_in(lan, "lan")
    here.pass_time(hours=8)

    assert told(await lan.ask("GET", "/me")) == (401, "not_signed_in")


async def test_a_strong_session_of_an_approver_lies_idle_for_half_an_hour_and_lasts_twelve(here: Doorway) -> None:
    hung = await here.strong("hung", Role.APPROVER)
    other = shown(here, hung.secret)

    states = []
    for _ in range(24):
        here.pass_time(minutes=29.9)
        states.append(await seen(here, hung))
    here.pass_time(minutes=2.5)

    assert states == [200] * 24
    assert await seen(here, hung) == await seen(here, other) == 401


async def test_half_an_hour_without_use_ends_an_approvers_session(here: Doorway) -> None:
    hung = await here.strong("hung", Role.APPROVER)
    here.pass_time(minutes=30)

    assert await seen(here, hung) == 401


async def test_an_open_stream_keeps_no_session_and_ends_with_it(here: Doorway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RENEWED_EVERY_S", 0.02)
    hung = await here.strong("hung", Role.APPROVER)
    renewed, renew = asyncio.Event(), events.Seeing.renew

    async def noted(seeing: events.Seeing) -> None:
        await renew(seeing)
        renewed.set()

    monkeypatch.setattr(events.Seeing, "renew", noted)
    stream = asyncio.create_task(open_stream(here, hung))
    try:
        async with asyncio.timeout(20):
            await renewed.wait()
            here.pass_time(minutes=29)
            renewed.clear()
            await renewed.wait()
            here.pass_time(minutes=1)
            status = await stream
    finally:
        stream.cancel()

    assert status == 200
    assert await seen(here, hung) == 401


async def open_stream(here: Doorway, browser: Browser) -> int:
    """Read the stream of changes until it ends; httpx would give nothing before that."""
    headers = [(b"host", HOST.partition("//")[2].encode()), (b"cookie", f"loa={browser.secret}".encode())]
    asked = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    where = {"path": "/api/v1/events", "raw_path": b"/api/v1/events", "query_string": b"", "root_path": ""}
    told: list[Any] = []

    async def left() -> Any:
        return await asyncio.Future()

    async def take(message: Any) -> None:
        await asyncio.sleep(0)
        told.append(message)

    await here.app({**asked, **where, "headers": headers, "client": ("127.0.0.1", 40_000)}, left, take)
    return int(told[0]["status"])


@pytest.mark.parametrize("path", ["/today/part", "/api/v1/today"])
async def test_parts_that_an_open_page_fetches_by_itself_keep_no_session(here: Doorway, path: str) -> None:
    hung, other = await here.strong("hung", Role.APPROVER), await here.strong("lan", Role.APPROVER)

    answers = []
    for _ in range(2):
        here.pass_time(minutes=15)
        answers.append((await hung.http.get(f"{HOST}{path}", headers={"HX-Request": "true"})).status_code)
        await other.http.get(f"{HOST}{path}")

    assert answers[0] == 200
    assert (await seen(here, hung), await seen(here, other)) == (401, 200)


async def test_a_screen_on_the_wall_stays_signed_in_for_who_has_no_guarded_role(here: Doorway) -> None:
    ha, hung = await here.strong("ha", Role.MONITOR), await here.strong("hung", Role.APPROVER)
    headers = {"HX-Request": "true", "Loa-Wall": "1"}

    states = []
    for _ in range(20):
        here.pass_time(hours=7.9)
        answers = [await one.http.get(f"{HOST}/monitoring/part?wall=1", headers=headers) for one in (ha, hung)]
        states.append([one.status_code for one in answers])

    assert [one for one, _ in states] == [200] * 20
    assert all(other in {303, 401} for _, other in states)


async def test_a_role_given_meanwhile_shortens_a_strong_session(here: Doorway) -> None:
    lan = await here.strong("lan", Role.OPERATOR)
    here.pass_time(hours=1)
    before = await seen(here, lan)

    await here.host().ask("POST", f"/people/{lan.person_id}/grants", {"role": "approver", "unit_id": UNIT})
    here.pass_time(minutes=31)

    assert (before, await seen(here, lan)) == (200, 401)


async def test_a_session_is_noted_as_seen_once_a_minute_and_not_in_the_audit(xa: Doorway) -> None:
    lan = await xa.member("lan", Role.OPERATOR)
    await xa.sign_in(lan, "lan")
    began, entries = xa.clock.now(), len(await xa.audit())

    noted = []
    for _ in range(3):
        xa.pass_time(seconds=40)
        await lan.ask("GET", "/units")
        async with xa.controller.db.reading() as session:
            at = (await session.scalars(select(SignedIn.seen_at))).one()
        noted.append(round((at - began).total_seconds()))

    assert noted == [0, 80, 80]
    assert len(await xa.audit()) == entries


async def test_every_sign_in_and_every_proof_gives_a_secret_of_its_own(xa: Doorway) -> None:
    hung = await xa.strong("hung", Role.APPROVER)
    fresh, secrets = xa.browser(), []
    fresh.http.cookies.set("loa", "loas_planted-by-somebody", domain="127.0.0.1", path="/")

    await xa.sign_in(fresh, "hung")
    secrets.append(fresh.secret)
    await fresh.ask("POST", "/sign-in/code", {"code": xa.code(hung)})
    secrets.append(fresh.secret)
    xa.pass_time(seconds=30)
    await fresh.ask("POST", "/sign-in/proof", {"password": PASSWORD, "code": xa.code(hung)})
    secrets.append(fresh.secret)
    answers = [await seen(xa, shown(xa, one)) for one in ("loas_planted-by-somebody", *secrets)]

    assert len(set(secrets)) == 3
    assert answers == [401, 401, 401, 200]


async def test_people_list_their_sessions_and_end_one_or_all_others(xa: Doorway) -> None:
    lan = await xa.member("lan", Role.OPERATOR)
    await xa.sign_in(lan, "lan")
    others = [xa.browser(address=f"203.0.113.{n}") for n in range(3)]
    for one in others:
        await xa.sign_in(one, "lan")
    rows = (await lan.ask("GET", "/sessions")).json()
    mine = [one for one in rows if one["current"]]
    first = next(one for one in rows if one["address"] == "203.0.113.0")

    ended = await lan.ask("DELETE", f"/sessions/{first['id']}")
    states = [await seen(xa, one) for one in others]
    rest = await lan.ask("DELETE", "/sessions")

    assert (len(rows), len(mine), ended.status_code) == (4, 1, 200)
    assert states == [401, 200, 200]
    assert rest.json() == {"ended": 2}
    assert [await seen(xa, one) for one in (*others, lan)] == [401, 401, 401, 200]


async def test_nobody_ends_or_sees_the_sessions_of_others_but_their_administrator(here: Doorway) -> None:
    lan, mai = await here.member("lan", Role.OPERATOR), await here.member("mai", Role.OPERATOR)
    tuan = await here.strong("tuan", Role.ADMINISTRATOR)
    await here.sign_in(lan, "lan")
    await here.sign_in(mai, "mai")
    of_mai = (await mai.ask("GET", "/sessions")).json()[0]["id"]

    refused = [
        told(await lan.ask("DELETE", f"/sessions/{of_mai}")),
        told(await lan.ask("GET", f"/people/{mai.person_id}/sessions")),
        told(await lan.ask("DELETE", f"/people/{mai.person_id}/sessions")),
    ]
    own = await lan.ask("GET", f"/people/{lan.person_id}/sessions")
    ended = await tuan.ask("DELETE", f"/people/{mai.person_id}/sessions")

    assert refused[0] == (404, "session_unknown")
    assert {status for status, _ in refused[1:]} <= {403, 404}
    assert len(own.json()) == 1
    assert ended.json() == {"ended": 1}
    assert await seen(here, mai) == 401


async def test_another_password_ends_the_other_sessions_and_renews_this_one(xa: Doorway) -> None:
    lan, other = await xa.member("lan", Role.OPERATOR), xa.browser()
    await xa.sign_in(lan, "lan")
    await xa.sign_in(other, "lan")
    before = lan.secret

    changed = await lan.ask("PUT", "/password", {"password": "núi xanh mây trắng bay"})

    assert changed.status_code == 200
    assert await seen(xa, lan) == 200
    assert await seen(xa, other) == await seen(xa, shown(xa, before)) == 401
    assert told(await xa.sign_in(xa.browser(), "lan")) == (401, "sign_in_refused")


async def test_a_second_factor_ends_the_sessions_that_began_without_it(here: Doorway) -> None:
    lan, other = await here.member("lan", Role.OPERATOR), here.browser()
    await here.sign_in(lan, "lan")
    await here.sign_in(other, "lan")

    await here.enrol(lan)

    assert (await seen(here, lan), await seen(here, other)) == (200, 401)


async def test_signing_out_ends_the_session_and_takes_the_cookie_back(here: Doorway) -> None:
    lan = await here.member("lan", Role.OPERATOR)
    await here.sign_in(lan, "lan")
    secret = lan.secret

    answer = await lan.ask("DELETE", "/sign-in")

    assert answer.status_code == 204
    assert lan.secret == ""
    assert await seen(here, shown(here, secret)) == 401


@pytest.mark.parametrize(
    ("base", "public_url", "name", "secure"),
    [
        (HOST, None, "loa", False),
        (HOST, PUBLIC, "__Host-loa", True),
        (PUBLIC, PUBLIC, "__Host-loa", True),
    ],
)
async def test_the_cookie_is_for_this_host_alone_and_no_script(
    tmp_path: Path, request: pytest.FixtureRequest, base: str, public_url: str | None, name: str, secure: bool
) -> None:
    with fresh_database("sqlite", tmp_path, request) as url:
        async with doorway(tmp_path, url, public_url=public_url) as here:
            await here.member("lan", Role.OPERATOR)
            answer = await here.sign_in(here.browser(base=base), "lan")

    cookie = SimpleCookie(answer.headers["set-cookie"])[name]

    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "lax")
    assert (cookie["httponly"], bool(cookie["secure"])) == (True, secure)
    assert (cookie["expires"], cookie["max-age"]) == ("", "")


OWN = {"Sec-Fetch-Site": "same-origin"}
MATRIX = [
    ("a page of ours", OWN, True, 201),
    ("typed by hand", {"Sec-Fetch-Site": "none"}, True, 201),
    ("another site", {"Sec-Fetch-Site": "cross-site"}, True, 403),
    ("another name of the domain", {"Sec-Fetch-Site": "same-site"}, True, 403),
    ("an older browser, a page of ours", {"Origin": HOST}, True, 201),
    ("an older browser, another site", {"Origin": "https://evil.example"}, True, 403),
    ("an older browser, a hidden page", {"Origin": "null"}, True, 403),
    ("another port of this machine", {"Origin": "http://127.0.0.1:9999"}, True, 403),
    ("another site that lies about its origin", {"Sec-Fetch-Site": "cross-site", "Origin": HOST}, True, 403),
    ("nothing told", {}, True, 403),
    ("no token", OWN, False, 403),
]


async def test_a_write_with_the_cookie_comes_from_a_page_of_ours_with_the_sessions_token(here: Doorway) -> None:
    lan = await here.strong("lan", Role.OPERATOR)

    answers = {}
    for told_by, headers, with_token, _ in MATRIX:
        token = {"X-Loa-CSRF": lan.csrf} if with_token else {}
        answer = await lan.http.post("/second-factor/authenticator", headers=headers | token)
        answers[told_by] = answer.status_code
        assert answer.status_code == 201 or answer.json()["code"] == "csrf_refused"

    assert answers == {told_by: status for told_by, _, _, status in MATRIX}


async def test_the_token_of_another_session_is_none(here: Doorway) -> None:
    lan, mai = await here.strong("lan", Role.OPERATOR), await here.strong("mai", Role.OPERATOR)

    answer = await lan.ask("POST", "/second-factor/authenticator", **{"X-Loa-CSRF": mai.csrf})

    assert told(answer) == (403, "csrf_refused")


async def test_a_token_is_renewed_with_the_secret(here: Doorway) -> None:
    lan = await here.member("lan", Role.OPERATOR)
    await here.sign_in(lan, "lan")
    before = lan.csrf
    await lan.ask("POST", "/sign-in/proof", {"password": PASSWORD})

    stale = await lan.ask("POST", "/second-factor/authenticator", **{"X-Loa-CSRF": before})

    assert told(stale) == (403, "csrf_refused")
    assert (await lan.ask("POST", "/second-factor/authenticator")).status_code == 201


async def test_programs_with_a_bearer_secret_need_no_token(here: Doorway) -> None:
    lan = await here.strong("lan", Role.OPERATOR)
    program = shown(here, lan.secret)

    answer = await program.http.post("/second-factor/authenticator", headers={"Origin": "https://evil.example"})

    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/sign-in", "/invitations", "/set-up", "/sign-in/link", "/sign-in/code"])
async def test_no_page_of_another_site_signs_a_browser_in(here: Doorway, path: str) -> None:
    answer = await here.browser().http.post(path, json={}, headers={"Sec-Fetch-Site": "cross-site"})

    assert told(answer) in {(403, "csrf_refused"), (422, "request_invalid")}
    whole = {"name": "lan", "password": PASSWORD, "secret": "x", "code": "1"}
    fields = {
        "/sign-in": ("name", "password"),
        "/invitations": ("secret", "password"),
        "/sign-in/link": ("secret",),
        "/sign-in/code": ("code",),
    }
    if path in fields:
        body = {name: whole[name] for name in fields[path]}
        refused = await here.browser().http.post(path, json=body, headers={"Origin": "https://evil.example"})
        assert told(refused) == (403, "csrf_refused")


async def test_the_hosts_token_is_taken_from_this_machine_only_and_in_no_cookie(here: Doorway) -> None:
    token = here.app.state.token
    elsewhere = here.browser("203.0.113.9", Authorization=f"Bearer {token}")
    cookie = here.browser()
    cookie.http.cookies.set("loa", token)

    assert (await here.host().ask("GET", "/units")).status_code == 200
    assert told(await elsewhere.ask("GET", "/units")) == (401, "not_signed_in")
    assert told(await cookie.ask("GET", "/units")) == (401, "not_signed_in")


async def test_the_host_acts_for_nobody_unless_the_settings_say_so(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    answers = {}
    for allowed in (False, True):
        folder = tmp_path / str(allowed)
        with fresh_database("sqlite", folder, request) as url:
            async with doorway(folder, url, host_acts_for_people=allowed) as here:
                lan = await here.person("Lan", Role.APPROVER)
                answers[allowed] = await here.host(**{"X-Loa-Person": lan}).ask("GET", "/me")

    assert told(answers[False]) == (403, "acting_refused")
    assert (answers[True].json()["person_id"], answers[True].json()["strong"]) == (lan, True)


async def test_nobody_who_is_signed_in_acts_for_another(here: Doorway) -> None:
    lan = await here.strong("lan", Role.ADMINISTRATOR)

    assert told(await lan.ask("GET", "/me", **{"X-Loa-Person": "x"})) == (403, "acting_refused")


async def test_a_session_of_who_left_is_nobodys_even_if_it_were_still_there(here: Doorway) -> None:
    from controller.people.tables import Person

    lan = await here.member("lan", Role.OPERATOR)
    await here.sign_in(lan, "lan")
    async with here.controller.db.transaction() as session:
        await session.execute(update(Person).values(retired_at=here.clock.now()))

    assert await seen(here, lan) == 401
