"""The library over HTTP: search, one asset, quotas, and what is let go."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from controller.access.may import Allowed
from controller.access.rules import Permission
from controller.api.dependencies import Read, TheController
from controller.api.models import Body, IdField, LanguageField, UtcField, View
from controller.library import finding, quotas, retention, service
from controller.library.finding import Wanted
from controller.library.labels import Origin
from controller.library.tables import AssetUnit
from controller.units import service as units

router = APIRouter(tags=["library"])

Sha256Field = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ItemView(View):
    """A thing of the library in a list. `purged_at`: its bytes have gone, or are about to."""

    id: str
    kind: str
    title: str
    unit_id: str | None
    language: str | None
    origin: str
    duration_ms: int
    created_at: datetime
    purged_at: datetime | None


class PageView(View):
    """A page of the library, the newest first; `after` names where the next one begins."""

    items: list[ItemView]
    after: str | None


class RenditionView(View):
    """One encoding; `purged_at`: its bytes have gone, the hash stays."""

    codec: str
    media_type: str
    sha256: str
    bytes: int
    purged_at: datetime | None


class DetailView(ItemView):
    """Everything known of one thing. `same`: others with the same content; `units`: who has it."""

    text: str
    source_sha256: str
    content_sha256: str | None
    facts: dict[str, Any]
    units: list[str]
    renditions: list[RenditionView]
    same: list[ItemView]


class UsageView(View):
    """How much a unit keeps, in bytes, and how much it may."""

    unit_id: str
    assets: int
    used_bytes: int
    most_bytes: int | None
    own: bool


class QuotaBody(Body):
    """`most_bytes` null: what the settings say for all."""

    most_bytes: Annotated[int, Field(ge=0, le=2**62)] | None


class LeavingView(View):
    """One that would go."""

    id: str
    kind: str
    title: str
    created_at: datetime
    bytes: int


class PreviewView(View):
    """What would go now; `oldest` are the first 200."""

    cutoff: datetime
    assets: int
    bytes: int
    oldest: list[LeavingView]


class RoundView(View):
    """What a round did."""

    marked: int
    kept: int
    gone: int
    bytes: int


@router.get("/library")
async def search(
    session: Read,
    may: Allowed,
    *,
    q: Annotated[str, Query(max_length=300, description="Words, with or without accents")] = "",
    kind: Literal["sound", "image", "video"] | None = None,
    unit: IdField | None = None,
    within: Annotated[IdField | None, Query(description="A unit with all below it")] = None,
    language: LanguageField | None = None,
    origin: Origin | None = None,
    since: UtcField | None = None,
    until: UtcField | None = None,
    sha256: Annotated[Sha256Field | None, Query(description="Of a file, or of its content: is it there?")] = None,
    gone: Annotated[bool, Query(description="Those without bytes, too")] = False,
    after: IdField | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = finding.PAGE,
) -> PageView:
    """Search sounds, images and videos: for people, those of their units and of the units above."""
    await may.reach(Permission.KNOW)
    wanted = Wanted(
        q=q,
        kind=kind,
        unit_id=unit,
        within=within,
        language=language,
        origin=origin,
        since=since,
        until=until,
        sha256=sha256,
        gone=gone,
        after=after,
        limit=limit,
    )
    page = await finding.search(session, wanted)
    return PageView(items=[ItemView.model_validate(row) for row in page.rows], after=page.after)


@router.get("/library/quotas")
async def list_quotas(session: Read, controller: TheController, may: Allowed) -> list[UsageView]:
    """What every unit that has anything keeps; for people, theirs and those below."""
    mine = await may.where(Permission.SEE, AssetUnit.unit_id)
    found = await quotas.usages(session, controller.settings.library_quota_bytes, mine)
    return [UsageView.model_validate(found[unit]) for unit in sorted(found)]


@router.get("/library/retention")
async def preview(session: Read, controller: TheController, may: Allowed) -> PreviewView:
    """What would go if it were done now."""
    await may.require(Permission.ADMINISTER, None)
    cutoff = retention.cutoff_of(controller.clock.now(), controller.settings.library_keep_days)
    return PreviewView.model_validate(await retention.preview(session, cutoff))


@router.post("/library/retention")
async def let_go(controller: TheController, may: Allowed) -> RoundView:
    """Do a round now, instead of waiting for the next hour."""
    await may.require(Permission.ADMINISTER, None)
    now = controller.clock.now()
    cutoff = retention.cutoff_of(now, controller.settings.library_keep_days)
    return RoundView.model_validate(
        asdict(await retention.round_of(controller.db, controller.objects, now=now, cutoff=cutoff))
    )


@router.get("/library/{asset_id}")
async def get(asset_id: str, session: Read) -> DetailView:
    """One thing of the library, and what else has the same content."""
    asset, found = await service.detail(session, asset_id)
    return DetailView.model_validate({**ItemView.model_validate(asset).model_dump(), **asdict_of(asset), **found})


def asdict_of(asset: Any) -> dict[str, Any]:
    """What the detail has beyond the list."""
    return {name: getattr(asset, name) for name in ("text", "source_sha256", "content_sha256", "facts")}


@router.get("/library/{asset_id}/picture", response_class=Response)
async def picture(asset_id: str, session: Read, controller: TheController) -> Response:
    """The bytes of an image or video as boards get them."""
    rendition = await service.picture(session, asset_id)
    data = await controller.objects.read(rendition.sha256)
    return Response(data, media_type=rendition.media_type)


@router.get("/units/{unit_id}/library-quota")
async def get_quota(unit_id: str, session: Read, controller: TheController) -> UsageView:
    """What one unit keeps, and may."""
    await units.require(session, unit_id)
    return UsageView.model_validate(await quotas.usage(session, unit_id, controller.settings.library_quota_bytes))


@router.put("/units/{unit_id}/library-quota")
async def set_quota(unit_id: str, body: QuotaBody, controller: TheController) -> UsageView:
    """Bound what one unit may keep; what is there already stays."""
    async with controller.db.transaction() as session:
        await units.require(session, unit_id)
        await quotas.bound(session, unit_id, body.most_bytes, now=controller.clock.now())
        return UsageView.model_validate(await quotas.usage(session, unit_id, controller.settings.library_quota_bytes))
