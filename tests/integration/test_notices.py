"""Notices from the outbox to real receivers on loopback: an SMTP server, a web server, a browser that decrypts.

Also what goes wrong on the way: refusals, servers that fail, hosts that are not listed, processes that die.
"""

import asyncio
import json
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from py_vapid import Vapid02
from sqlalchemy import func, select

from controller.notices import keys, outbox, receivers, service, store
from controller.notices.dispatcher import Dispatcher
from controller.notices.post import Postman, signature
from controller.notices.rules import KEPT, LEASE, Channel, Message
from controller.notices.tables import Notice, PushSubscription, Sending
from controller.people import service as people
from controller.people.tables import Person
from controller.runtime.database import Database
from controller.runtime.settings import Settings, SettingsInvalid
from tests.fakes.certificates import Authority
from tests.fakes.commune import COMMUNE, Commune, commune
from tests.fakes.databases import fresh_database, sqlite_url
from tests.fakes.job_house import housed
from tests.fakes.post_office import PASSWORD, USER, Browser, MailBox, WebServer, mail_server, web_server
from tests.fakes.running_controller import eventually

FROM = "Truyền thanh xã An Bình <loa@xa-anbinh.example>"
SUBMITTED = Message(
    kind="bulletin_submitted",
    about="b-1",
    key="1",
    subject="Bản tin chờ duyệt: “Tiêm chủng mở rộng”",
    text="Chị Hoa gửi bản tin “Tiêm chủng mở rộng”.\n\nPhát lúc 17:00 ngày 21/11/2026.",
    path="/bulletins/b-1",
)


@dataclass
class Post:
    """A commune, its settings and who sends."""

    xa: Commune
    folder: Path
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.folder, public_url="https://loa.xa-anbinh.example", **self.given)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Dispatcher]:
        """A dispatcher of another process each time."""
        postman = Postman(self.settings, keys.obtain(self.folder / "keys"), self.xa.clock)
        try:
            yield Dispatcher(self.xa.db, self.xa.clock, postman)
        finally:
            await postman.close()

    async def round(self, channel: Channel) -> int:
        async with self.sending() as dispatcher:
            return await dispatcher.round(channel)

    async def person(self, name: str = "Nguyễn Thị Lan", **more: Any) -> Person:
        async with self.xa.db.transaction() as session:
            return await people.create(session, name=name, unit_id=COMMUNE, now=self.xa.clock.now(), **more)

    async def tell(self, *to: Person, message: Message = SUBMITTED) -> int:
        async with self.xa.db.transaction() as session:
            return await service.tell(session, [one.id for one in to], message, self.xa.clock.now())

    async def sendings(self) -> list[tuple[str, str, int, str | None]]:
        """Channel, state, attempts, code of the last error; of all, sorted."""
        async with self.xa.db.reading() as session:
            rows = await session.scalars(select(Sending).order_by(Sending.channel, Sending.state, Sending.attempts))
            return [(row.channel, row.state, row.attempts, row.error_code) for row in rows]

    async def webhook(self, url: str, unit: str = COMMUNE) -> str:
        """Set it; gives its secret."""
        async with self.xa.db.transaction() as session:
            row = await receivers.set_webhook(
                session, unit, url=url, hosts=self.settings.webhook_hosts, by=None, now=self.xa.clock.now()
            )
        return keys.obtain(self.folder / "keys").webhook_secret(row.unit_id, row.url, row.made_at)

    async def browser(self, person: Person, endpoint: str) -> Browser:
        browser = Browser(endpoint)
        told = browser.subscription()
        async with self.xa.db.transaction() as session:
            await receivers.subscribe(
                session,
                person,
                endpoint=endpoint,
                **told["keys"],
                hosts=self.settings.push_hosts,
                now=self.xa.clock.now(),
            )
        return browser


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A commune in a file, made once."""

    async def make(url: str) -> None:
        async with commune(url, device_ids=()):
            pass

    folder = tmp_path_factory.mktemp("furnished")
    with fresh_database("sqlite", folder, request) as url:
        asyncio.run(make(url))
    return folder / "loa.db"


@pytest.fixture
async def post(furnished: Path, tmp_path: Path) -> AsyncIterator[Post]:
    """A copy of it, for what asks nothing of the database that others do not."""
    shutil.copy(furnished, tmp_path / "loa.db")
    db = Database(sqlite_url(tmp_path))
    yield Post(Commune(db), tmp_path)
    await db.close()


@pytest.fixture
async def both(database: str, tmp_path: Path) -> AsyncIterator[Post]:
    """On both databases."""
    async with commune(database, device_ids=()) as xa:
        yield Post(xa, tmp_path)


@pytest.fixture
async def mails(post: Post) -> AsyncIterator[MailBox]:
    """A mail server without TLS on this machine."""
    async with mail_server() as box:
        post.given |= {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none", "mail_from": FROM}
        yield box


@pytest.fixture
def web(post: Post) -> Any:
    """A web server that is listed, both as a webhook and as a push service."""
    with web_server() as server:
        post.given |= {"webhook_hosts": (server.url,), "push_hosts": (server.url,)}
        yield server


async def test_a_notice_is_told_once_however_often_the_occasion_is(both: Post) -> None:
    lan, minh = await both.person(email="lan@xa.example", webhook=True), await both.person("Minh")

    told = [await both.tell(lan, lan), await both.tell(lan, minh), await both.tell(lan, minh)]

    assert told == [1, 1, 0]
    assert await both.sendings() == [("mail", "waiting", 0, None), ("webhook", "waiting", 0, None)]
    async with both.xa.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Notice)) == 2


async def test_what_is_rolled_back_is_never_told(both: Post) -> None:
    lan = await both.person(email="lan@xa.example")

    async def step() -> None:
        async with both.xa.db.transaction() as session:
            await service.tell(session, [lan.id], SUBMITTED, both.xa.clock.now())
            raise RuntimeError("the step failed")

    with pytest.raises(RuntimeError):
        await step()

    assert await both.sendings() == []


async def test_of_two_processes_each_takes_other_notices(both: Post) -> None:
    lan = await both.person(email="lan@xa.example")
    for number in range(6):
        await both.tell(lan, message=replace(SUBMITTED, key=str(number)))
    now = both.xa.clock.now()

    async def claim(owner: str) -> list[str]:
        async def take(session: Any) -> list[str]:
            claims = await outbox.claim(session, Channel.MAIL, owner=owner, now=now, most=4)
            return [claim.id for claim in claims]

        return await both.xa.db.attempt(take)

    first, second = await asyncio.gather(claim("a"), claim("b"))

    assert not set(first) & set(second)
    later = await claim("c")
    assert len({*first, *second, *later}) == 6


async def test_what_failed_before_holds_up_nothing_new(both: Post) -> None:
    lan, minh = await both.person(email="lan@xa.example"), await both.person("Minh", email="minh@xa.example")
    await both.tell(lan)
    async with both.xa.db.transaction() as session:
        [failed] = await outbox.claim(session, Channel.MAIL, owner="a", now=both.xa.clock.now(), most=4)
        await outbox.again(session, failed, both.xa.clock.now(), "notice_not_delivered", "later")
    both.xa.clock.move(seconds=1)
    await both.tell(minh)

    async with both.xa.db.transaction() as session:
        [first] = await outbox.claim(session, Channel.MAIL, owner="a", now=both.xa.clock.now(), most=1)

    assert first.person_id == minh.id


async def test_a_lost_lease_changes_nothing(both: Post) -> None:
    lan = await both.person(email="lan@xa.example")
    await both.tell(lan)
    async with both.xa.db.transaction() as session:
        [lost] = await outbox.claim(session, Channel.MAIL, owner="a", now=both.xa.clock.now(), most=4)
    both.xa.clock.move(seconds=LEASE.total_seconds() + 1)
    async with both.xa.db.transaction() as session:
        [held] = await outbox.claim(session, Channel.MAIL, owner="b", now=both.xa.clock.now(), most=4)

    async with both.xa.db.transaction() as session:
        noted = await outbox.failed(session, lost, "notice_refused", "zu spät")
        kept = await outbox.sent(session, held, both.xa.clock.now())

    assert (noted, kept) == (False, True)
    assert await both.sendings() == [("mail", "sent", 2, None)]


async def test_old_notices_are_forgotten(both: Post) -> None:
    lan = await both.person(email="lan@xa.example")
    await both.tell(lan)
    both.xa.clock.move(days=KEPT.days + 1)
    await both.tell(lan, message=replace(SUBMITTED, key="2"))

    async with both.xa.db.transaction() as session:
        dropped = await outbox.forget_old(session, both.xa.clock.now())

    assert dropped == 1
    assert len(await both.sendings()) == 1


async def test_a_mail_arrives_in_vietnamese_with_its_link(post: Post, mails: MailBox) -> None:
    lan = await post.person(email="lan@xa.example")
    await post.tell(lan)

    await post.round(Channel.MAIL)

    [mail] = mails.mails
    assert mail["Subject"] == SUBMITTED.subject
    assert mail["To"].addresses[0] == Address("Nguyễn Thị Lan", addr_spec="lan@xa.example")
    assert mail["From"].addresses[0].display_name == "Truyền thanh xã An Bình"
    assert mails.senders == ["loa@xa-anbinh.example"]
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert SUBMITTED.text.splitlines()[-1] in text
    assert "Mở xem: https://loa.xa-anbinh.example/bulletins/b-1" in text
    assert await post.sendings() == [("mail", "sent", 1, None)]
    assert await post.round(Channel.MAIL) == 0


async def test_nothing_a_title_holds_becomes_a_header(post: Post, mails: MailBox) -> None:
    lan = await post.person(email="lan@xa.example")
    await post.tell(lan, message=replace(SUBMITTED, subject="Tin\r\nBcc: la@ngoai.example\r\n\r\nthân"))

    await post.round(Channel.MAIL)

    [mail] = mails.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Tin Bcc: la@ngoai.example thân"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_over_tls_with_a_password_to_a_server_that_proves_who_it_is(post: Post, security: str) -> None:
    authority, other = Authority(post.folder, "ca"), Authority(post.folder, "other")
    pair = authority.issue("localhost", server=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.cert, pair.key)
    (post.folder / "password").write_text(f"{PASSWORD}\n")
    lan = await post.person(email="lan@xa.example")
    await post.tell(lan)

    async with mail_server(tls, implicit=security == "tls") as box:
        post.given = {"smtp_host": "localhost", "smtp_port": box.port, "smtp_security": security, "mail_from": FROM}
        if security == "starttls":
            post.given |= {"smtp_user": USER, "smtp_password_file": post.folder / "password"}
        post.given["notice_ca"] = other.cert
        await post.round(Channel.MAIL)
        stranger = await post.sendings()
        post.given["notice_ca"] = authority.cert
        post.xa.clock.move(seconds=10)
        await post.round(Channel.MAIL)

    assert stranger == [("mail", "waiting", 1, "notice_not_delivered")]
    assert (len(box.mails), box.encrypted) == (1, [True])
    assert await post.sendings() == [("mail", "sent", 2, None)]


async def test_a_password_never_travels_in_the_clear(post: Post, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("bí mật")
    post.given = {"smtp_host": "mail.example", "smtp_security": "none", "mail_from": FROM}
    post.given |= {"smtp_user": "loa", "smtp_password_file": tmp_path / "password"}

    with pytest.raises(SettingsInvalid, match="in the clear"):
        Postman(post.settings, keys.obtain(tmp_path / "keys"), post.xa.clock)


@pytest.mark.parametrize("sender", [None, "loa", "loa@", "Loa <loa@xa.example>, b@c.example"])
async def test_mails_come_from_somebody(post: Post, tmp_path: Path, sender: str | None) -> None:
    post.given = {"smtp_host": "mail.example", "mail_from": sender}

    with pytest.raises(SettingsInvalid, match="mail_from"):
        Postman(post.settings, keys.obtain(tmp_path / "keys"), post.xa.clock)


async def test_a_mail_server_that_fails_is_tried_again_and_one_that_refuses_is_not(post: Post, mails: MailBox) -> None:
    lan, minh = await post.person(email="lan@xa.example"), await post.person("Minh", email="minh@xa.example")
    mails.broken = ["451 try again later"]
    await post.tell(lan)
    await post.round(Channel.MAIL)
    waiting, early = await post.sendings(), await post.round(Channel.MAIL)
    post.xa.clock.move(seconds=10)
    await post.round(Channel.MAIL)
    mails.refusals = ["550 no such person"]
    await post.tell(minh)
    await post.round(Channel.MAIL)
    post.xa.clock.move(days=2)

    left = await post.round(Channel.MAIL)

    assert (waiting, early) == ([("mail", "waiting", 1, "notice_not_delivered")], 0)
    assert await post.sendings() == [("mail", "failed", 1, "notice_refused"), ("mail", "sent", 2, None)]
    assert (left, len(mails.mails)) == (0, 1)


async def test_every_attempt_is_the_same_mail(post: Post, mails: MailBox) -> None:
    lan = await post.person(email="lan@xa.example")
    await post.tell(lan)
    await post.round(Channel.MAIL)
    async with post.xa.db.transaction() as session:
        row = (await session.scalars(select(Sending))).one()
        row.state = "waiting"
    post.xa.clock.move(hours=1)

    await post.round(Channel.MAIL)

    first, second = mails.mails
    assert first.as_bytes() == second.as_bytes()
    assert first["Message-ID"] == f"<{row.id}@xa-anbinh.example>"


async def test_what_gets_through_nowhere_is_given_up_when_it_is_of_no_use(post: Post, mails: MailBox) -> None:
    lan = await post.person(email="lan@xa.example")
    mails.broken = ["451 later"] * 100
    await post.tell(lan, message=replace(SUBMITTED, useful_for=timedelta(minutes=15)))
    start, tries = post.xa.clock.now(), 0
    async with post.sending() as dispatcher:
        while (await post.sendings())[0][1] == "waiting":
            tries += await dispatcher.round(Channel.MAIL)
            post.xa.clock.move(seconds=10)

    assert await post.sendings() == [("mail", "failed", tries, "notice_not_delivered")]
    assert post.xa.clock.now() - start <= timedelta(minutes=15)
    assert tries == 5  # after 0, 10, 40, 100 and 400 s


async def test_what_waited_too_long_for_a_process_is_not_sent_any_more(post: Post, mails: MailBox) -> None:
    lan = await post.person(email="lan@xa.example")
    await post.tell(lan)
    post.xa.clock.move(days=2)

    await post.round(Channel.MAIL)

    assert await post.sendings() == [("mail", "failed", 1, "notice_too_late")]
    assert mails.mails == []


async def test_channels_that_are_not_there_say_so(post: Post) -> None:
    lan = await post.person(email="lan@xa.example", webhook=True)
    await post.tell(lan)

    await post.round(Channel.MAIL)
    await post.round(Channel.WEBHOOK)

    assert await post.sendings() == [
        ("mail", "failed", 1, "channel_not_set_up"),
        ("webhook", "failed", 1, "notice_no_address"),
    ]


async def test_an_address_that_was_corrected_is_the_one_that_is_used(post: Post, mails: MailBox) -> None:
    lan = await post.person(email="sai@xa.example")
    await post.tell(lan)
    async with post.xa.db.transaction() as session:
        await people.change(session, lan.id, email="lan@xa.example")

    await post.round(Channel.MAIL)

    assert mails.mails[0]["To"].addresses[0].addr_spec == "lan@xa.example"


async def test_a_webhook_gets_signed_json_and_the_nearest_one_is_used(post: Post, web: WebServer) -> None:
    lan = await post.person(webhook=True)
    await post.webhook(f"{web.url}/tinh", "tinh")
    secret = await post.webhook(f"{web.url}/xa")
    await post.tell(lan)

    await post.round(Channel.WEBHOOK)

    [asked] = web.asked
    told = json.loads(asked.body)
    stamp, signed = asked.headers["x-loa-timestamp"], asked.headers["x-loa-signature"]
    assert asked.path == "/xa"
    assert signed == f"v1={signature(secret, stamp, asked.body)}"
    assert int(stamp) == int(post.xa.clock.now().timestamp())
    assert told["id"] == asked.headers["x-loa-notice"]
    assert (told["subject"], told["text"]) == (SUBMITTED.subject, SUBMITTED.text)
    assert told["person"] == {"id": lan.id, "name": lan.name, "unit": COMMUNE}
    assert told["link"] == "https://loa.xa-anbinh.example/bulletins/b-1"
    assert await post.sendings() == [("webhook", "sent", 1, None)]


async def test_setting_a_webhook_again_makes_another_secret(post: Post, web: WebServer) -> None:
    first = await post.webhook(web.url)
    post.xa.clock.move(seconds=1)

    second = await post.webhook(web.url)

    assert first != second


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (500, "waiting", "notice_not_delivered"),
        (429, "waiting", "notice_not_delivered"),
        (401, "waiting", "notice_not_delivered"),
        (400, "failed", "notice_refused"),
        (302, "failed", "notice_refused"),
    ],
)
async def test_what_a_gateway_answers_decides_whether_it_is_asked_again(
    post: Post, web: WebServer, status: int, state: str, code: str
) -> None:
    lan = await post.person(webhook=True)
    await post.webhook(web.url)
    web.answers, web.location = [status], "http://169.254.169.254/"
    await post.tell(lan)

    await post.round(Channel.WEBHOOK)

    assert await post.sendings() == [("webhook", state, 1, code)]
    assert len(web.asked) == 1  # a redirect is not followed


async def test_a_gateway_that_was_taken_off_the_list_is_called_no_more(post: Post, web: WebServer) -> None:
    lan = await post.person(webhook=True)
    await post.webhook(web.url)
    post.given["webhook_hosts"] = ("gateway.example",)
    await post.tell(lan)

    await post.round(Channel.WEBHOOK)

    assert await post.sendings() == [("webhook", "failed", 1, "notice_address_refused")]
    assert web.asked == []


async def test_a_gateway_that_is_away_is_called_again(post: Post) -> None:
    with web_server() as gone:
        post.given["webhook_hosts"] = (gone.url,)
        await post.webhook(gone.url)
    lan = await post.person(webhook=True)
    await post.tell(lan)

    await post.round(Channel.WEBHOOK)

    assert await post.sendings() == [("webhook", "waiting", 1, "notice_not_delivered")]


async def test_a_browser_reads_what_nobody_between_can(post: Post, web: WebServer, mails: MailBox) -> None:
    lan = await post.person()
    browsers = [await post.browser(lan, f"{web.url}/push/{number}") for number in range(2)]
    await post.tell(lan)

    await post.round(Channel.PUSH)

    asked = sorted(web.asked, key=lambda one: one.path)
    told = [browser.read(one.body) for browser, one in zip(browsers, asked, strict=True)]
    assert [one["title"] for one in told] == [SUBMITTED.subject] * 2
    assert (told[0]["body"], told[0]["path"]) == (SUBMITTED.text, "/bulletins/b-1")
    head = asked[0].headers
    assert (head["content-encoding"], head["ttl"], head["urgency"]) == ("aes128gcm", "86400", "high")
    assert head["topic"] != asked[1].headers["topic"]
    assert Vapid02.verify(head["authorization"].replace(", ", ","))
    assert keys.obtain(post.folder / "keys").push_key in head["authorization"]
    assert SUBMITTED.subject.encode() not in asked[0].body
    assert mails.mails == []


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(post: Post, web: WebServer, status: int) -> None:
    lan = await post.person()
    await post.browser(lan, f"{web.url}/push/1")
    web.answers = [status]
    await post.tell(lan)
    await post.tell(lan, message=replace(SUBMITTED, key="2", useful_for=timedelta(days=3)))

    await post.round(Channel.PUSH)
    post.xa.clock.move(hours=1)
    await post.round(Channel.PUSH)

    states = await post.sendings()
    assert "subscription_gone" in {code for _, _, _, code in states}
    async with post.xa.db.reading() as session:
        assert (await session.scalars(select(PushSubscription))).all() == []
        assert await store.browsers_of(session, lan.id) == 0


async def test_a_push_service_that_is_busy_is_asked_again_under_the_same_topic(post: Post, web: WebServer) -> None:
    lan = await post.person()
    await post.browser(lan, f"{web.url}/push/1")
    web.answers = [429]
    await post.tell(lan)

    await post.round(Channel.PUSH)
    post.xa.clock.move(seconds=10)
    await post.round(Channel.PUSH)

    first, second = web.asked
    assert first.headers["topic"] == second.headers["topic"]
    assert first.body != second.body  # a key of its own each time
    assert await post.sendings() == [("push", "sent", 2, None)]


DYING = """
import asyncio, sys
from pathlib import Path
from controller.notices import keys
from controller.notices.dispatcher import Dispatcher
from controller.notices.post import Postman
from controller.notices.rules import Channel
from controller.runtime.database import Database
from controller.runtime.settings import Settings
from loa_protocol import failpoints
from tests.fakes.commune import SetClock

async def main(folder, port):
    settings = Settings(data_dir=folder, smtp_host="127.0.0.1", smtp_port=port, smtp_security="none",
                        mail_from="loa@xa-anbinh.example")
    clock, db = SetClock(), Database(f"sqlite+aiosqlite:///{folder / 'loa.db'}")
    postman = Postman(settings, keys.obtain(folder / "keys"), clock)
    failpoints.arm("controller.notice.sent")
    await Dispatcher(db, clock, postman).round(Channel.MAIL)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


async def test_a_process_that_dies_after_sending_sends_the_same_mail_once_more(post: Post, mails: MailBox) -> None:
    lan = await post.person(email="lan@xa.example")
    await post.tell(lan)
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", DYING, str(post.folder), str(mails.port))

    assert await child.wait() == -9
    assert len(mails.mails) == 1
    assert await post.sendings() == [("mail", "waiting", 1, None)]
    held = await post.round(Channel.MAIL)
    post.xa.clock.move(seconds=LEASE.total_seconds() + 1)
    await post.round(Channel.MAIL)
    assert held == 0
    assert await post.sendings() == [("mail", "sent", 2, None)]
    first, second = mails.mails
    assert first["Message-ID"] == second["Message-ID"]


@asynccontextmanager
async def watched() -> AsyncIterator[None]:
    """Our code fails where it blocks the loop."""
    with blockbuster_ctx("controller"):
        yield


async def test_a_controller_tells_by_itself_what_its_api_was_told(tmp_path: Path) -> None:
    async with mail_server() as box:
        given = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none", "mail_from": FROM}
        async with housed(tmp_path, **given) as house, watched():
            await house.api.post("/units", json={"id": "xa", "name": "Xã", "kind": "commune"})
            body = {"name": "Lan", "unit_id": "xa", "email": "lan@xa.example", "language": "en"}
            lan = (await house.api.post("/people", json=body)).json()["id"]

            told = await house.api.post(f"/people/{lan}/test-notice")

            async def sent() -> Any:
                return (await house.api.get("/notices", params={"person": lan, "state": "sent"})).json()

            [notice] = await eventually(sent, "the notice is sent, and noted so")
            assert told.json() == {"told": 1}
            assert (notice["kind"], notice["sendings"][0]["attempts"]) == ("test", 1)
            assert "Please do not answer" in box.mails[0].get_content()
            assert (await house.api.get("/notices", params={"state": "failed"})).json() == []
            assert len((await house.api.get("/push-key")).json()["key"]) == 87
