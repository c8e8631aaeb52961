"""Accounts over the API: first start, links, passwords, codes, locks, tokens; on both databases where one decides."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from controller.accounts import hashing, rules
from controller.accounts.tables import (
    Account,
    Failures,
    IntegrationToken,
    Invitation,
    Password,
    RecoveryCode,
    SignedIn,
    Totp,
)
from controller.people import service as people
from controller.people.approving import local_day
from controller.people.rules import Role
from controller.units import service as units
from controller.units.tables import Unit
from tests.fakes.databases import fresh_database
from tests.fakes.doorway import HOST, PASSWORD, TOKEN, UNIT, Browser, Doorway, doorway

OTHER = "núi xanh mây trắng bay"
FIRST = {"name": "Trần Quản", "sign_in_name": "Quan@Xa.example", "password": PASSWORD}


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
    return answer.status_code, answer.json().get("code", "")


async def test_the_first_start_makes_one_administrator_by_a_link_that_works_once(xa: Doorway) -> None:
    void, secret = await xa.set_up_link(), await xa.set_up_link()
    browser = xa.browser()

    replaced = await browser.ask("POST", "/set-up", {"secret": void, **FIRST})
    made = await browser.ask("POST", "/set-up", {"secret": secret, **FIRST})
    again = await xa.browser().ask("POST", "/set-up", {"secret": secret, **FIRST, "sign_in_name": "khac"})
    me = (await browser.ask("GET", "/me")).json()
    held = (await xa.host().ask("GET", f"/people/{me['person_id']}/grants")).json()

    assert told(replaced) == told(again) == (410, "link_over")
    assert (made.status_code, made.json()["next"]) == (201, "enrol")
    assert (me["name"], me["sign_in_name"], me["strong"]) == ("Trần Quản", "quan@xa.example", False)
    assert [(one["role"], one["unit_id"]) for one in held] == [("administrator", UNIT)]
    assert await setting_up_again(xa) is None


async def setting_up_again(xa: Doorway) -> str | None:
    from controller.accounts import setting_up

    return await setting_up.first_secret(xa.controller.db, xa.clock.now())


async def test_the_first_link_is_good_for_a_day(here: Doorway) -> None:
    secret = await here.set_up_link()
    here.pass_time(hours=24)

    assert told(await here.browser().ask("POST", "/set-up", {"secret": secret, **FIRST})) == (410, "link_over")


async def test_no_secret_lies_in_the_database_as_it_is(here: Doorway) -> None:
    lan = await here.strong("lan", Role.ADMINISTRATOR)
    link = await here.link(lan.person_id, "lan")
    integration = await here.person("Cổng", Role.INTEGRATION)
    made = await here.host().ask("POST", f"/people/{integration}/tokens", {"name": "Zalo"})
    secrets = {PASSWORD, lan.otp, lan.secret, link, made.json()["secret"], *lan.paper, TOKEN}
    secrets |= {one.replace("-", "") for one in lan.paper}

    async with here.controller.db.reading() as session:
        rows = [
            (await session.execute(select(table))).all()
            for table in (
                Account,
                Password,
                Totp,
                RecoveryCode,
                SignedIn,
                Invitation,
                IntegrationToken,
                Failures,
            )
        ]
        kept = repr(
            [[{c: getattr(one[0], c) for c in [*one[0].__table__.c.keys()]} for one in found] for found in rows]
        )
    files = list(here.controller.settings.data_dir.rglob("*.secret"))

    assert [secret for secret in secrets if secret in kept] == []
    assert kept.count("$argon2id$v=19$m=19456,t=2,p=1$") == 1
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert all(secret.encode() not in path.read_bytes() for path in files for secret in secrets)


async def test_a_secret_is_not_kept_for_who_asks_again_with_the_same_key(here: Doorway) -> None:
    lan = await here.person("Lan", Role.OPERATOR)
    host, body = here.host(**{"Idempotency-Key": "k-1"}), {"sign_in_name": "lan"}

    first, second = [await host.ask("POST", f"/people/{lan}/invitation", body) for _ in range(2)]

    assert first.status_code == second.status_code == 201
    assert first.json()["secret"] != second.json()["secret"]
    assert first.headers["Cache-Control"] == "no-store"


async def test_an_invitation_sets_a_password_once_and_for_three_days(xa: Doorway) -> None:
    lan = await xa.person("Lan", Role.OPERATOR)
    late = await xa.link(lan, "lan")
    xa.pass_time(days=3)
    expired = await xa.browser().ask("POST", "/invitations", {"secret": late, "password": PASSWORD})
    secret = await xa.link(lan, "lan")

    used = await xa.browser().ask("POST", "/invitations", {"secret": secret, "password": PASSWORD})
    again = await xa.browser().ask("POST", "/invitations", {"secret": secret, "password": OTHER})
    signed_in = await xa.sign_in(xa.browser(), "LAN ")
    wrong = await xa.sign_in(xa.browser(), "lan", OTHER)

    assert told(expired) == told(again) == (410, "link_over")
    assert (used.status_code, used.json()["next"]) == (200, "nothing")
    assert signed_in.json()["person"] == {"id": lan, "name": "Lan"}
    assert told(wrong) == (401, "sign_in_refused")


async def test_two_people_do_not_sign_in_by_one_name(xa: Doorway) -> None:
    await xa.member("lan", Role.OPERATOR)
    other = await xa.person("Lan khác", Role.OPERATOR)

    answer = await xa.host().ask("POST", f"/people/{other}/invitation", {"sign_in_name": "Lan"})

    assert told(answer) == (409, "sign_in_name_taken")


@pytest.mark.parametrize("password", ["ngắn", "x" * 129, "Xã An Bình 2026!", "lan-lan-lan-lan", "1234567890123"])
async def test_a_password_that_is_guessed_first_is_refused_and_the_link_stays_good(
    here: Doorway, password: str
) -> None:
    secret = await here.link(await here.person("Nguyễn Thị Lan", Role.OPERATOR), "lan")

    refused = await here.browser().ask("POST", "/invitations", {"secret": secret, "password": password})
    taken = await here.browser().ask("POST", "/invitations", {"secret": secret, "password": PASSWORD})

    assert told(refused) == (422, "password_refused")
    assert taken.status_code == 200


async def test_unknown_people_are_answered_as_wrong_passwords_are_after_the_same_work(
    here: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.member("lan", Role.OPERATOR)
    compared: list[str] = []
    real = PasswordHasher.verify

    def watched(self: PasswordHasher, kept: str, password: str) -> bool:
        compared.append(kept.rpartition("$")[0].rpartition("$")[0])
        return real(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)

    wrong = await here.sign_in(here.browser(), "lan", OTHER)
    unknown = await here.sign_in(here.browser(), "nobody", OTHER)
    strange = await here.sign_in(here.browser(), "<ổ>", OTHER)

    assert told(wrong) == told(unknown) == told(strange) == (401, "sign_in_refused")
    assert wrong.json() == unknown.json() == strange.json()
    assert compared == ["$argon2id$v=19$m=19456,t=2,p=1"] * 3


async def test_approvers_without_a_second_factor_sign_in_and_their_role_does_not_count(here: Doorway) -> None:
    hung = await here.member("hung", Role.OPERATOR, Role.ADMINISTRATOR)
    signed_in = await here.sign_in(hung, "hung")
    lan = await here.person("Lan", Role.OPERATOR)
    body = {"role": "operator", "unit_id": UNIT}

    weak = await hung.ask("POST", f"/people/{hung.person_id}/grants", body)
    await here.enrol(hung)
    strong = await hung.ask("POST", f"/people/{lan}/grants", body)

    assert signed_in.json()["next"] == "enrol"
    assert told(weak) == (403, "second_factor_needed")
    assert strong.status_code == 201


async def test_who_has_a_second_factor_is_asked_for_it_and_can_do_nothing_before(xa: Doorway) -> None:
    hung = await xa.strong("hung", Role.APPROVER)
    fresh = xa.browser()

    begun = await xa.sign_in(fresh, "hung")
    before = [await fresh.ask("GET", path) for path in ("/me", "/units", "/sessions")]
    finished = await fresh.ask("POST", "/sign-in/code", {"code": xa.code(hung)})
    after = await fresh.ask("GET", "/me")

    assert (begun.json()["next"], begun.json()["ways"]) == ("second_factor", ["code", "recovery_code"])
    assert [told(one) for one in before] == [(401, "sign_in_unfinished")] * 3
    assert (finished.json()["next"], finished.json()["strong"]) == ("nothing", True)
    assert after.json()["strong"] is True


async def test_the_second_step_is_taken_within_ten_minutes(here: Doorway) -> None:
    hung = await here.strong("hung", Role.APPROVER)
    fresh = here.browser()
    await here.sign_in(fresh, "hung")
    here.pass_time(minutes=10)

    assert told(await fresh.ask("POST", "/sign-in/code", {"code": here.code(hung)})) == (401, "not_signed_in")


async def test_a_code_signs_in_once_even_within_its_time(xa: Doorway) -> None:
    hung = await xa.strong("hung", Role.APPROVER)
    code = xa.code(hung)
    first, second = xa.browser(), xa.browser()
    for one in (first, second):
        await xa.sign_in(one, "hung")

    used = await first.ask("POST", "/sign-in/code", {"code": code})
    replayed = await second.ask("POST", "/sign-in/code", {"code": code})
    earlier = await second.ask("POST", "/sign-in/code", {"code": xa.code(hung, steps=-1)})
    later = await second.ask("POST", "/sign-in/code", {"code": xa.code(hung, steps=1)})

    assert used.status_code == 200
    assert told(replayed) == told(earlier) == (422, "code_wrong")
    assert later.status_code == 200


async def test_a_code_on_paper_stands_in_once_and_new_ones_void_the_old(xa: Doorway) -> None:
    hung = await xa.strong("hung", Role.APPROVER)
    paper = hung.paper[3].upper().replace("-", " ")

    first, second = xa.browser(), xa.browser()
    for one in (first, second):
        await xa.sign_in(one, "hung")
    used = await first.ask("POST", "/sign-in/code", {"code": paper})
    replayed = await second.ask("POST", "/sign-in/code", {"code": paper})
    left = (await first.ask("GET", "/me")).json()["recovery_codes_left"]
    fresh = (await first.ask("POST", "/second-factor/recovery-codes")).json()["codes"]
    void = await second.ask("POST", "/sign-in/code", {"code": hung.paper[4]})

    assert (used.status_code, left, len(set(fresh))) == (200, 9, 10)
    assert told(replayed) == told(void) == (422, "code_wrong")


async def test_an_authenticator_counts_once_a_code_confirms_it(here: Doorway) -> None:
    lan = await here.member("lan", Role.OPERATOR)
    await here.sign_in(lan, "lan")
    lan.otp = (await lan.ask("POST", "/second-factor/authenticator")).json()["secret"]

    path = "/second-factor/authenticator/confirmation"
    wrong = await lan.ask("POST", path, {"code": here.code(lan, steps=5)})
    before = (await here.sign_in(here.browser(), "lan")).json()["next"]
    here.pass_time(minutes=15)
    await lan.ask("POST", "/sign-in/proof", {"password": PASSWORD})
    late = await lan.ask("POST", path, {"code": here.code(lan)})

    assert told(wrong) == (422, "code_wrong")
    assert before == "nothing"
    assert told(late) == (422, "authenticator_unknown")


async def test_a_new_authenticator_takes_the_place_of_the_old_when_it_is_confirmed(here: Doorway) -> None:
    hung = await here.strong("hung", Role.APPROVER)
    old = hung.otp
    begun = await hung.ask("POST", "/second-factor/authenticator")
    other = here.browser()
    await here.sign_in(other, "hung")
    still = await other.ask("POST", "/sign-in/code", {"code": here.code(hung)})
    hung.otp = begun.json()["secret"]

    confirmed = await hung.ask("POST", "/second-factor/authenticator/confirmation", {"code": here.code(hung)})
    here.pass_time(seconds=60)
    new, hung.otp = hung.otp, old
    fresh = here.browser()
    await here.sign_in(fresh, "hung")
    void = await fresh.ask("POST", "/sign-in/code", {"code": here.code(hung)})
    hung.otp = new
    good = await fresh.ask("POST", "/sign-in/code", {"code": here.code(hung)})

    assert (still.status_code, confirmed.status_code, good.status_code) == (200, 200, 200)
    assert told(await other.ask("GET", "/me")) == (401, "not_signed_in")
    assert told(void) == (422, "code_wrong")


async def test_a_factor_is_changed_only_a_moment_after_a_proof(here: Doorway) -> None:
    hung = await here.strong("hung", Role.OPERATOR)
    steps = (
        ("POST", "/second-factor/authenticator", None),
        ("POST", "/second-factor/authenticator/confirmation", {"code": "123456"}),
        ("POST", "/second-factor/recovery-codes", None),
        ("DELETE", "/second-factor/authenticator", None),
        ("PUT", "/password", {"password": OTHER}),
    )
    here.pass_time(minutes=10)

    refused = [told(await hung.ask(*step)) for step in steps]
    password_only = await hung.ask("POST", "/sign-in/proof", {"password": PASSWORD})
    wrong = await hung.ask("POST", "/sign-in/proof", {"password": OTHER, "code": here.code(hung)})
    proved = await hung.ask("POST", "/sign-in/proof", {"password": PASSWORD, "code": here.code(hung)})
    changed = await hung.ask("PUT", "/password", {"password": OTHER})
    removed = await hung.ask("DELETE", "/second-factor/authenticator")

    assert refused == [(403, "proof_needed")] * 5
    assert told(password_only) == (422, "code_wrong")
    assert told(wrong) == (401, "sign_in_refused")
    assert [one.status_code for one in (proved, changed, removed)] == [200, 200, 200]


async def test_the_last_second_factor_of_an_administrator_stays(here: Doorway) -> None:
    tuan = await here.strong("tuan", Role.ADMINISTRATOR)

    assert told(await tuan.ask("DELETE", "/second-factor/authenticator")) == (409, "last_factor")


async def test_giving_roles_that_release_needs_a_fresh_proof(here: Doorway) -> None:
    tuan = await here.strong("tuan", Role.ADMINISTRATOR)
    lan = await here.person("Lan", Role.OPERATOR)
    here.pass_time(minutes=10)

    answers = {
        role: told(await tuan.ask("POST", f"/people/{lan}/grants", {"role": role, "unit_id": UNIT}))
        for role in ("approver", "administrator", "operator")
    }
    invited = await tuan.ask("POST", f"/people/{lan}/invitation", {"sign_in_name": "lan"})

    assert answers == {"approver": (403, "proof_needed"), "administrator": (403, "proof_needed"), "operator": (201, "")}
    assert told(invited) == (403, "proof_needed")


async def test_naming_a_deputy_needs_a_fresh_proof(here: Doorway) -> None:
    boss, crony = await here.strong("boss", Role.APPROVER, Role.ADMINISTRATOR), await here.person("Phó")
    day = str(local_day(here.clock.now()))
    path, days = f"/people/{boss.person_id}", {"first_day": day, "last_day": day}
    here.pass_time(minutes=11)

    refused = await boss.ask("POST", f"{path}/leaves", {**days, "deputy_id": crony})
    form = {**days, "deputy_id": crony, "csrf": boss.csrf}
    headers = {"Sec-Fetch-Site": "same-origin", "Referer": f"{HOST}{path}"}
    page = await boss.http.post(f"{HOST}{path}/leave", data=form, headers=headers)
    alone = await boss.ask("POST", f"{path}/leaves", {"first_day": "2099-01-01", "last_day": "2099-01-01"})
    await boss.ask("POST", "/sign-in/proof", {"password": PASSWORD, "code": here.code(boss)})
    named = await boss.ask("POST", f"{path}/leaves", {**days, "deputy_id": crony})

    assert told(refused) == (403, "proof_needed")
    assert (page.status_code, page.headers["location"]) == (303, f"/account/proof?next={path}")
    assert [alone.status_code, named.status_code] == [201, 201]


async def test_five_wrong_passwords_wait_longer_each_and_a_restart_forgives_nothing(xa: Doorway) -> None:
    lan = await xa.member("lan", Role.OPERATOR)
    for _ in range(5):
        assert told(await xa.sign_in(xa.browser(), "lan", OTHER)) == (401, "sign_in_refused")

    waits = await xa.sign_in(lan, "lan")
    async with xa.controller.db.reading() as session:
        kept = (await session.scalars(select(Failures))).one()
    xa.pass_time(seconds=30)
    again = await xa.sign_in(xa.browser(), "lan", OTHER)
    longer = await xa.sign_in(lan, "lan")
    xa.pass_time(seconds=60)
    right = await xa.sign_in(lan, "lan")
    fresh = await xa.sign_in(xa.browser(), "lan", OTHER)

    assert told(waits) == told(longer) == (429, "sign_in_waits")
    assert 25 <= int(waits.headers["Retry-After"]) <= 30
    assert 55 <= int(longer.headers["Retry-After"]) <= 60
    assert (kept.count, "lan" in kept.key) == (5, False)
    assert right.status_code == 200
    assert told(again) == told(fresh) == (401, "sign_in_refused")


async def test_a_name_nobody_has_waits_as_well(here: Doorway) -> None:
    codes = [told(await here.sign_in(here.browser(), "nobody", OTHER)) for _ in range(6)]

    assert codes == [(401, "sign_in_refused")] * 5 + [(429, "sign_in_waits")]


async def test_a_stranger_who_guesses_stops_nobody_who_is_signed_in(here: Doorway) -> None:
    hung = await here.strong("hung", Role.APPROVER)
    for _ in range(6):
        await here.sign_in(here.browser(), "hung", OTHER)

    seen = await hung.ask("GET", "/me")
    proved = await hung.ask("POST", "/sign-in/proof", {"password": PASSWORD, "code": here.code(hung)})

    assert (seen.status_code, proved.status_code) == (200, 200)


async def test_wrong_proofs_in_a_session_wait_too(here: Doorway) -> None:
    lan = await here.member("lan", Role.OPERATOR)
    await here.sign_in(lan, "lan")

    codes = [told(await lan.ask("POST", "/sign-in/proof", {"password": OTHER})) for _ in range(6)]

    assert codes == [(401, "sign_in_refused")] * 5 + [(429, "sign_in_waits")]


async def test_twenty_wrong_codes_lock_an_account_until_an_administrator_opens_it(xa: Doorway) -> None:
    hung = await xa.strong("hung", Role.APPROVER)
    fresh = xa.browser()
    await xa.sign_in(fresh, "hung")
    first = await fresh.ask("POST", "/sign-in/code", {"code": "abc"})
    async with xa.controller.db.transaction() as session:
        await session.execute(update(Failures).values(count=rules.MOST_CODES - 1, last_at=xa.clock.now()))
    waits = await fresh.ask("POST", "/sign-in/code", {"code": xa.code(hung)})
    xa.pass_time(minutes=15)
    await xa.sign_in(fresh, "hung")
    last = await fresh.ask("POST", "/sign-in/code", {"code": "000000"})

    xa.pass_time(days=3)
    locked = await xa.sign_in(xa.browser(), "hung")
    account = (await xa.host().ask("GET", f"/people/{hung.person_id}/account")).json()
    opened = await xa.host().ask("DELETE", f"/people/{hung.person_id}/lock")
    after = await xa.sign_in(xa.browser(), "hung")

    assert told(first) == told(last) == (422, "code_wrong")
    assert told(waits) == (429, "sign_in_waits")
    assert told(locked) == (403, "account_locked")
    assert (account["locked"], opened.json()) == (True, {"was_locked": True})
    assert after.status_code == 200


async def test_one_address_tries_so_often_and_no_more(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with fresh_database("sqlite", tmp_path, request) as url:
        async with doorway(tmp_path, url, sign_ins_per_address_per_min=3) as here:
            await here.member("lan", Role.OPERATOR)

            tried = [told(await here.sign_in(here.browser("203.0.113.9"), f"n{n}", OTHER)) for n in range(4)]
            link = await here.browser("203.0.113.9").ask("POST", "/invitations", {"secret": "x", "password": "y"})
            elsewhere = await here.sign_in(here.browser("203.0.113.10"), "lan")

    assert tried == [(401, "sign_in_refused")] * 3 + [(429, "sign_in_too_often")]
    assert told(link) == (429, "sign_in_too_often")
    assert elsewhere.status_code == 200


async def test_who_lost_the_second_factor_starts_anew_by_a_link_and_nothing_changes_before(here: Doorway) -> None:
    hung = await here.strong("hung", Role.APPROVER)
    secret = await here.link(hung.person_id, "hung", forgets_factors=True)
    before = await hung.ask("GET", "/me")

    used = await here.browser().ask("POST", "/invitations", {"secret": secret, "password": OTHER})

    assert before.json()["ways"] == ["code", "recovery_code"]
    assert (used.json()["next"], used.json()["ways"], used.json()["strong"]) == ("enrol", [], False)
    assert told(await hung.ask("GET", "/me")) == (401, "not_signed_in")


async def test_a_forgotten_password_is_set_anew_and_the_second_factor_is_still_asked_for(here: Doorway) -> None:
    hung = await here.strong("hung", Role.APPROVER)
    secret = await here.link(hung.person_id, "hung")

    used = await here.browser().ask("POST", "/invitations", {"secret": secret, "password": OTHER})

    assert used.json()["next"] == "second_factor"


async def give(here: Doorway, person_id: str, role: Role, unit_id: str) -> None:
    """A role, at a unit that is made where there is none."""
    now = here.clock.now()
    async with here.controller.db.transaction() as session:
        if await session.get(Unit, unit_id) is None:
            await units.create(session, unit_id=unit_id, name="Tỉnh", kind="province")
        day = local_day(now)
        await people.grant(session, person_id, role=role, unit_id=unit_id, begins=day, by=None, now=now)


async def invited(by: Browser, person_id: str, name: str) -> str:
    """The secret of a link that somebody makes, by which another starts without a second factor."""
    body = {"sign_in_name": name, "forgets_factors": True}
    answer = await by.ask("POST", f"/people/{person_id}/invitation", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


async def test_an_invitation_of_before_is_none_to_an_account_that_may_do_more_by_now(xa: Doorway) -> None:
    tuan, chi = await xa.strong("tuan", Role.ADMINISTRATOR), await xa.strong("chi", Role.OPERATOR)
    boss, lan = await xa.strong("boss"), await xa.person("Lan", Role.OPERATOR)
    links = [await invited(tuan, key, name) for key, name in ((chi.person_id, "chi"), (lan, "lan"))]
    link_of_boss = await invited(tuan, boss.person_id, "boss")

    await give(xa, chi.person_id, Role.ADMINISTRATOR, "tinh")
    await give(xa, lan, Role.APPROVER, UNIT)
    await give(xa, tuan.person_id, Role.APPROVER, "tinh")
    days = {"first_day": str(local_day(xa.clock.now())), "last_day": str(local_day(xa.clock.now()))}
    away = await xa.host().ask("POST", f"/people/{tuan.person_id}/leaves", {**days, "deputy_id": boss.person_id})
    answers = [
        await xa.browser().ask("POST", "/invitations", {"secret": one, "password": OTHER})
        for one in (*links, link_of_boss)
    ]

    assert away.status_code == 201
    assert [told(one) for one in answers] == [(410, "link_over"), (200, ""), (410, "link_over")]
    assert (await chi.ask("GET", "/me")).json()["ways"] == ["code", "recovery_code"]


async def test_an_invitation_ends_with_the_rights_of_who_made_it(here: Doorway) -> None:
    tuan, hoa = await here.strong("tuan", Role.ADMINISTRATOR), await here.strong("hoa", Role.ADMINISTRATOR)
    links = [await invited(by, await here.person(name), name) for by, name in ((tuan, "lan"), (hoa, "minh"))]
    [role] = (await here.host().ask("GET", f"/people/{hoa.person_id}/grants")).json()

    await here.host().ask("POST", f"/people/{tuan.person_id}/retirement")
    await here.host().ask("DELETE", f"/people/{hoa.person_id}/grants/{role['id']}")
    answers = [await here.browser().ask("POST", "/invitations", {"secret": one, "password": OTHER}) for one in links]

    assert [told(one) for one in answers] == [(410, "link_over")] * 2


async def test_nobody_gives_a_new_start_to_an_account_that_may_do_more_than_they_look_after(here: Doorway) -> None:
    tuan = await here.strong("tuan", Role.ADMINISTRATOR)
    above = await here.person("Giám đốc", Role.OPERATOR)
    await give(here, above, Role.ADMINISTRATOR, "tinh")

    answer = await tuan.ask("POST", f"/people/{above}/invitation", {"sign_in_name": "gd"})

    assert told(answer) == (403, "not_allowed")


async def test_a_password_hashed_by_older_rules_is_hashed_anew_at_the_next_sign_in(here: Doorway) -> None:
    lan = await here.member("lan", Role.OPERATOR)
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    async with here.controller.db.transaction() as session:
        await session.execute(update(Password).values(hash=old))

    answer = await here.sign_in(lan, "lan")
    async with here.controller.db.reading() as session:
        kept = (await session.scalars(select(Password))).one().hash

    assert answer.status_code == 200
    assert "m=19456,t=2,p=1" in kept
    assert (await here.sign_in(here.browser(), "lan")).status_code == 200


async def test_whoever_leaves_loses_everything_at_the_next_request(xa: Doorway) -> None:
    hung = await xa.strong("hung", Role.INTEGRATION)
    waiting = xa.browser()
    await xa.sign_in(waiting, "hung")
    link = await xa.link(hung.person_id, "hung")
    made = await xa.host().ask("POST", f"/people/{hung.person_id}/tokens", {"name": "Zalo"})
    program = xa.browser(Authorization=f"Bearer {made.json()['secret']}")
    assert (await hung.ask("GET", "/me")).status_code == (await program.ask("GET", "/me")).status_code == 200

    await xa.host().ask("POST", f"/people/{hung.person_id}/retirement")
    answers = [
        await hung.ask("GET", "/me"),
        await program.ask("GET", "/me"),
        await waiting.ask("POST", "/sign-in/code", {"code": xa.code(hung)}),
        await xa.sign_in(xa.browser(), "hung"),
        await xa.browser().ask("POST", "/invitations", {"secret": link, "password": OTHER}),
    ]
    async with xa.controller.db.reading() as session:
        tables = (Account, Password, Totp, RecoveryCode, SignedIn, Invitation, IntegrationToken)
        left = [table.__tablename__ for table in tables if (await session.execute(select(table))).first()]

    assert [one.status_code for one in answers] == [401, 401, 401, 401, 410]
    assert left == []


async def test_a_token_of_an_integration_does_what_an_integration_may_until_it_ends(xa: Doorway) -> None:
    both = await xa.person("Cổng Zalo", Role.INTEGRATION, Role.ADMINISTRATOR)
    made = (await xa.host().ask("POST", f"/people/{both}/tokens", {"name": "Zalo", "days": 30})).json()
    program = xa.browser(Authorization=f"Bearer {made['secret']}")

    reads = await program.ask("GET", "/units")
    administers = await program.ask("POST", f"/people/{both}/grants", {"role": "operator", "unit_id": UNIT})
    account = await program.ask("GET", "/sessions")
    in_a_cookie = xa.browser()
    in_a_cookie.http.cookies.set("loa", made["secret"])
    cookie = await in_a_cookie.ask("GET", "/units")
    listed = (await xa.host().ask("GET", f"/people/{both}/tokens")).json()
    xa.pass_time(days=30)
    late = await program.ask("GET", "/units")

    assert made["secret"].startswith("loai_")
    assert reads.status_code == 200
    assert told(administers)[0] == 403
    assert told(account) == (403, "session_needed")
    assert told(cookie) == told(late) == (401, "not_signed_in")
    assert [("secret" in one, one["used_at"] is not None) for one in listed] == [(False, True)]


async def test_roles_given_after_a_token_was_made_are_none_of_it(xa: Doorway) -> None:
    tuan, zalo = await xa.strong("tuan", Role.ADMINISTRATOR), await xa.person("Cổng Zalo", Role.INTEGRATION)
    made = (await tuan.ask("POST", f"/people/{zalo}/tokens", {"name": "Zalo"})).json()
    xa.pass_time(seconds=1)
    await give(xa, zalo, Role.INTEGRATION, "tinh")
    anew = (await xa.host().ask("POST", f"/people/{zalo}/tokens", {"name": "Zalo"})).json()

    programs = [xa.browser(Authorization=f"Bearer {one['secret']}") for one in (made, anew)]
    reaches = [(await one.ask("GET", "/permissions")).json()["reach"]["write"] for one in programs]

    assert reaches == [[UNIT], ["tinh", UNIT]]


async def test_a_revoked_token_is_good_for_nothing_at_the_next_request(here: Doorway) -> None:
    zalo = await here.person("Cổng Zalo", Role.INTEGRATION)
    made = (await here.host().ask("POST", f"/people/{zalo}/tokens", {"name": "Zalo"})).json()
    program = here.browser(Authorization=f"Bearer {made['secret']}")
    before = await program.ask("GET", "/units")

    await here.host().ask("DELETE", f"/people/{zalo}/tokens/{made['id']}")

    assert before.status_code == 200
    assert told(await program.ask("GET", "/units")) == (401, "not_signed_in")


async def test_a_token_is_only_for_an_integration_and_a_year_at_most(here: Doorway) -> None:
    lan = await here.person("Lan", Role.OPERATOR)
    zalo = await here.person("Cổng Zalo", Role.INTEGRATION)

    person = await here.host().ask("POST", f"/people/{lan}/tokens", {"name": "x"})
    long = await here.host().ask("POST", f"/people/{zalo}/tokens", {"name": "x", "days": 366})

    assert told(person) == (422, "token_refused")
    assert told(long) == (422, "request_invalid")


async def test_sign_in_links_are_made_only_where_the_host_acts_for_people(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for allowed in (False, True):
        folder = tmp_path / str(allowed)
        with fresh_database("sqlite", folder, request) as url:
            async with doorway(folder, url, host_acts_for_people=allowed) as here:
                lan = await here.person("Lan", Role.APPROVER)
                made = await here.host().ask("POST", f"/people/{lan}/sign-in-link")
                if not allowed:
                    assert told(made) == (403, "sign_in_links_refused")
                    continue
                secret, browser = made.json()["secret"], here.browser()
                used = await browser.ask("POST", "/sign-in/link", {"secret": secret})
                again = await here.browser().ask("POST", "/sign-in/link", {"secret": secret})

    assert (used.json()["strong"], used.json()["person"]["id"]) == (True, lan)
    assert told(again) == (410, "link_over")


async def test_a_link_of_a_demonstration_leads_nowhere_at_an_ordinary_controller(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with fresh_database("sqlite", tmp_path, request) as url:
        async with doorway(tmp_path, url, host_acts_for_people=True) as here:
            demo = here.controller.settings
            lan = await here.person("Lan", Role.APPROVER)
            address = f"/people/{lan}/sign-in-link"
            void, link = [{"secret": (await here.host().ask("POST", address)).json()["secret"]} for _ in range(2)]
            replaced = await here.browser().ask("POST", "/sign-in/link", void)
            here.controller.settings = demo.model_copy(update={"host_acts_for_people": False})  # the same data, served
            refused = await here.browser().ask("POST", "/sign-in/link", link)
            sessions = (await here.host().ask("GET", f"/people/{lan}/sessions")).json()
            here.controller.settings = demo
            used = await here.browser().ask("POST", "/sign-in/link", link)
            audit = [one["action"] for one in await here.audit()]

    assert (told(replaced), told(refused)) == ((410, "link_over"), (410, "link_over"))
    assert sessions == []
    assert (used.status_code, used.json()["strong"]) == (200, True)
    made = "POST /people/{person_id}/sign-in-link"
    assert [one for one in audit if "sign-in" in one] == [made, made, "sign-in"]


async def test_the_audit_has_every_sign_in_failure_lock_and_sign_out(here: Doorway) -> None:
    hung = await here.strong("hung", Role.APPROVER)
    for _ in range(5):
        await here.sign_in(here.browser(), "hung", OTHER)
    await hung.ask("DELETE", "/sign-in")

    entries = [(one["action"], one["outcome"]) for one in await here.audit() if one["action"].startswith("sign-")]

    assert entries.count(("sign-in", "sign_in_refused")) == 5
    assert [one for one in entries if "locked" in one[0]] == [("sign-in: locked", "done")]
    assert entries[-1] == ("sign-out", "done")


async def test_a_flood_of_sign_ins_is_told_to_come_again(here: Doorway, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio
    from threading import Event

    go = Event()
    monkeypatch.setattr(hashing.PasswordDesk, "_is_right", lambda *_: go.wait(20))
    tried = [asyncio.create_task(here.sign_in(here.browser(f"203.0.113.{n}"), f"n{n}", OTHER)) for n in range(12)]
    refused = (await one for one in asyncio.as_completed(tried))
    async with asyncio.timeout(20):
        for _ in range(12 - 1 - hashing.MOST_WAITING):
            await anext(refused)
    alive = await here.browser().ask("GET", "/health")
    go.set()
    answers = [told(one) for one in await asyncio.gather(*tried)]

    assert alive.status_code == 200
    assert answers.count((429, "sign_in_busy")) == 12 - 1 - hashing.MOST_WAITING
    assert answers.count((401, "sign_in_refused")) == 1 + hashing.MOST_WAITING


async def test_of_guesses_at_one_moment_no_more_are_answered_than_one_after_the_other(xa: Doorway) -> None:
    import asyncio

    await xa.member("lan", Role.OPERATOR)
    answers = await asyncio.gather(*(xa.sign_in(xa.browser(), "lan", OTHER) for _ in range(8)))
    codes = [told(one) for one in answers]

    assert codes.count((401, "sign_in_refused")) == rules.FREE_FAILURES
    assert codes.count((429, "sign_in_waits")) == 8 - rules.FREE_FAILURES


def test_the_longest_wait_is_a_quarter_of_an_hour() -> None:
    assert rules.wait(1000) == timedelta(minutes=15)
