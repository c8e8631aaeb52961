"""Notices, browsers that are told, and webhooks of units, over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import or_, select

from controller.access.may import Allowed
from controller.api.dependencies import Read, TheController
from controller.api.idempotency import Write, WriteRoute
from controller.api.models import Body, IdField, View
from controller.notices import receivers, service, store
from controller.notices.rules import Message, SendingState
from controller.notices.tables import Notice, Sending
from controller.people import service as people
from controller.people import store as people_store
from controller.people.acting import Acting
from controller.people.over import looked_after, require_own_or_over
from controller.people.tables import Person

router = APIRouter(tags=["notices"], route_class=WriteRoute)

Address = Annotated[str, Field(min_length=1, max_length=2000)]
Key = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_=-]+$")]


class SendingView(View):
    """A notice on one channel: `mail`, `webhook` or `push`; `error_*` say why it has not got through."""

    channel: str
    state: str
    attempts: int
    due_at: datetime
    sent_at: datetime | None
    error_code: str | None
    error_message: str | None


class NoticeView(View):
    """What a person, by id and name, was told; without `sendings` they have no address and find it here only."""

    id: str
    person_id: str
    person: str = ""
    kind: str
    about: str
    subject: str
    text: str
    path: str
    created_at: datetime
    useful_until: datetime
    sendings: list[SendingView] = []


class BrowserKeysBody(Body):
    """The keys of a subscription, as the browser gives them."""

    p256dh: Key
    auth: Annotated[Key, Field(max_length=40)]


class BrowserBody(Body):
    """A browser's `PushSubscription.toJSON()`."""

    endpoint: Address
    keys: BrowserKeysBody
    expirationTime: float | None = None  # noqa: N815 - the browser's own name


class BrowserView(View):
    """A browser that is told; the endpoint is a secret of its own and is not shown."""

    id: str
    person_id: str
    created_at: datetime


class PushKeyView(View):
    """What a browser subscribes to: `applicationServerKey`."""

    key: str


class WebhookBody(Body):
    """Where a unit's gateway takes notices."""

    url: Address


class WebhookView(View):
    """A unit's webhook."""

    unit_id: str
    url: str
    made_at: datetime
    made_by: str | None


class WebhookSecretView(WebhookView):
    """With the secret its requests are signed with; another one each time the webhook is set."""

    secret: str


@router.get("/notices")
async def list_notices(  # noqa: PLR0917 - one a word of the request
    session: Read,
    controller: TheController,
    may: Allowed,
    person: Annotated[IdField | None, Query()] = None,
    about: Annotated[str | None, Query(max_length=80)] = None,
    state: Annotated[SendingState | None, Query(description="Only those with a sending in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[NoticeView]:
    """What people were told, newest first; kept for 90 days. One's own, and those of the people one looks after."""
    theirs = Notice.person_id.in_(select(Person.id).where(await looked_after(may, controller.clock.now())))
    mine = or_(may.mine(Notice.person_id), theirs)
    rows = await store.newest(session, mine, person_id=person, about=about, state=state, limit=limit)
    sendings = await store.sendings(session, [row.id for row in rows])
    named = await people_store.named(session, {row.person_id for row in rows})
    return [_notice(row, named[row.person_id].name, sendings.get(row.id, [])) for row in rows]


def _notice(row: Notice, name: str, sendings: Sequence[Sending]) -> NoticeView:
    views = [SendingView.model_validate(one) for one in sendings]
    return NoticeView.model_validate(row).model_copy(update={"person": name, "sendings": views})


@router.post("/people/{person_id}/test-notice", status_code=202)
async def test_notice(person_id: IdField, session: Write, controller: TheController) -> dict[str, int]:
    """Send a test to every address a person has; `GET /notices` tells what became of it."""
    person, now = await people.require(session, person_id), controller.clock.now()
    message = Message(
        kind="test",
        about=person.id,
        key=now.isoformat(),
        subject="Thử gửi thông báo",
        text="Đây là thông báo thử. Nhận được là kênh này hoạt động.",
    )
    return {"told": await service.tell(session, [person.id], message, now)}


@router.get("/push-key")
async def push_key(controller: TheController) -> PushKeyView:
    """The key that browsers subscribe to."""
    return PushKeyView(key=controller.notice_keys.push_key)


@router.get("/people/{person_id}/push-subscriptions")
async def list_browsers(person_id: IdField, session: Read) -> list[BrowserView]:
    """The browsers of a person that are told."""
    person = await people.require(session, person_id)
    return [BrowserView.model_validate(row) for row in await store.subscriptions(session, [person.id])]


@router.post("/people/{person_id}/push-subscriptions", status_code=201)
async def subscribe(
    person_id: IdField, body: BrowserBody, session: Write, controller: TheController, may: Allowed
) -> BrowserView:
    """A browser of this person wants to be told; the same browser again changes its keys."""
    now = controller.clock.now()
    await require_own_or_over(may, session, person_id, now)
    row = await receivers.subscribe(
        session,
        await people.hold_present(session, person_id),
        endpoint=body.endpoint,
        p256dh=body.keys.p256dh,
        auth=body.keys.auth,
        hosts=controller.settings.push_hosts,
        now=now,
    )
    return BrowserView.model_validate(row)


@router.delete("/people/{person_id}/push-subscriptions/{subscription_id}")
async def unsubscribe(
    person_id: IdField, subscription_id: IdField, session: Write, controller: TheController, may: Allowed
) -> dict[str, str]:
    """The browser is told no more."""
    await require_own_or_over(may, session, person_id, controller.clock.now())
    await receivers.unsubscribe(session, person_id, subscription_id)
    return {"id": subscription_id}


@router.get("/units/{unit_id}/webhook")
async def get_webhook(unit_id: IdField, session: Read, controller: TheController) -> WebhookSecretView:
    """The unit's own webhook, with its secret."""
    row = await receivers.require_webhook(session, unit_id)
    secret = controller.notice_keys.webhook_secret(row.unit_id, row.url, row.made_at)
    view = WebhookView.model_validate(row)
    return WebhookSecretView(**view.model_dump(), secret=secret)


@router.put("/units/{unit_id}/webhook")
async def put_webhook(
    unit_id: IdField, body: WebhookBody, session: Write, controller: TheController, actor: Acting
) -> WebhookView:
    """Notices of this unit's people, and of those below, go there from now on; read the secret with `GET`."""
    row = await receivers.set_webhook(
        session,
        unit_id,
        url=body.url,
        hosts=controller.settings.webhook_hosts,
        by=actor.person_id,
        now=controller.clock.now(),
    )
    return WebhookView.model_validate(row)


@router.delete("/units/{unit_id}/webhook")
async def delete_webhook(unit_id: IdField, session: Write) -> dict[str, str]:
    """Nothing goes there any more."""
    await receivers.clear_webhook(session, unit_id)
    return {"unit_id": unit_id}
