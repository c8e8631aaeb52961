"""A sample request for every route of the API, at every place of the land: what is asked, and of whom.

`asks` says what the request names beside, or instead of, what the address names: what it takes to read that, and the
permissions of which one is needed there. `lists`: which kinds of things the answer lists, and where they are read.
`absent`: codes that say that the door was open and nothing was behind it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controller.access.rules import Permission as P  # noqa: N817 - as in the table
from controller.schedules.sheets import template
from tests.fakes.land import UNITS, Land, programme

Body = Callable[[Land, str], Any]
SOON = "2026-11-21T08:00:00Z"
FAR = "2030-01-01T00:00:00Z"
KEY = "A" * 43 + "="


@dataclass(frozen=True, slots=True)
class Asks:
    """`read`: what it takes to know of what is named; `needs`: one of these is needed there."""

    read: P
    needs: tuple[P, ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """`kind` of thing, by `key` of each of the answer's items, read by `read` where it stands."""

    kind: str
    read: P
    key: str = "id"
    inside: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One request; `params`, `json` and `content` as httpx takes them, of a place. `asset`: pictures, not sounds."""

    params: Body = lambda _land, _place: {}
    json: Body | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    asks: Asks | None = None
    lists: Lists | None = None
    asset: str = "asset"
    absent: frozenset[str] = frozenset()


def named(needs: P, *more: P, read: P = P.KNOW, **said: Any) -> Sample:
    """A request that names a unit, or what stands at one."""
    return Sample(asks=Asks(read, (needs, *more)), **said)


def listed(kind: str, read: P, key: str = "id", inside: str | None = None) -> Sample:
    """A request for a list."""
    return Sample(lists=Lists(kind, read, key, inside))


def _unit(key: str, /, **more: Any) -> Body:
    return lambda _land, place: {key: UNITS[place], **more}


def _device(place: str, key: str) -> dict[str, Any]:
    return {"id": key, "name": key, "kind": "speaker", "unit_id": UNITS[place], "public_key": KEY}


def _save(land: Land, place: str) -> dict[str, Any]:
    return {"document": programme(land.id("programme", place), UNITS[place], place), "expected_revision": 1}


def _zone(_land: Land, place: str) -> dict[str, Any]:
    where = {"latitude": 21.0, "longitude": 105.0, "radius_m": 20}
    return {"title": "Trường", "unit_id": UNITS[place], "document": {}, "expected_revision": 1, **where}


def _bulletin(_land: Land, place: str) -> dict[str, Any]:
    return {"title": f"Tin {place}", "variants": [{"language": "vi", "text": "Mời bà con."}]}


ASYNC = {"Prefer": "respond-async"}
EMPTY = Sample()
NO_BODY = Sample(json=lambda _land, _place: {})
TIMES = {"from": SOON, "to": "2026-11-21T09:00:00Z"}
BROWSER = {"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "k", "auth": "a"}}
SAMPLES: Mapping[tuple[str, str], Sample] = {
    ("GET", "/units"): listed("unit", P.KNOW),
    ("POST", "/units"): named(P.ADMINISTER, json=_unit("parent_id", id="moi", name="Mới", kind="village")),
    ("PATCH", "/units/{unit_id}"): Sample(json=lambda *_: {"name": "Khác"}),
    ("GET", "/units/{unit_id}/branch"): EMPTY,
    ("POST", "/units/{unit_id}/closing"): EMPTY,
    ("POST", "/units/{unit_id}/opening"): EMPTY,
    ("GET", "/units/{unit_id}/closed"): EMPTY,
    ("GET", "/groups"): listed("zone", P.KNOW),
    ("GET", "/groups/{group_id}"): EMPTY,
    ("PATCH", "/groups/{group_id}"): Sample(json=lambda *_: {"name": "Khác"}),
    ("DELETE", "/groups/{group_id}"): EMPTY,
    ("GET", "/groups/{group_id}/devices"): EMPTY,
    ("GET", "/keys"): EMPTY,
    ("POST", "/keys/plan/rotation"): EMPTY,
    ("GET", "/languages"): EMPTY,
    ("POST", "/groups"): named(
        P.TEND, json=lambda land, p: {**_unit("unit_id", id="nhom", name="N")(land, p), "devices": [f"loa-{p}"]}
    ),
    ("GET", "/people"): listed("person", P.PEOPLE),
    ("POST", "/people"): named(P.PEOPLE, json=_unit("unit_id", name="Mới")),
    ("GET", "/people/{person_id}"): EMPTY,
    ("PATCH", "/people/{person_id}"): Sample(json=lambda *_: {"name": "Khác"}),
    ("DELETE", "/people/{person_id}"): EMPTY,
    ("POST", "/people/{person_id}/retirement"): EMPTY,
    ("GET", "/people/{person_id}/grants"): EMPTY,
    ("POST", "/people/{person_id}/grants"): Sample(json=lambda *_: {"role": "monitor", "unit_id": "xa-a"}),
    ("DELETE", "/people/{person_id}/grants/{grant_id}"): EMPTY,
    ("GET", "/people/{person_id}/leaves"): EMPTY,
    ("POST", "/people/{person_id}/leaves"): Sample(
        json=lambda *_: {"first_day": "2031-01-01", "last_day": "2031-01-02"}
    ),
    ("DELETE", "/people/{person_id}/leaves/{leave_id}"): EMPTY,
    ("GET", "/units/{unit_id}/approvers"): EMPTY,
    ("GET", "/notices"): listed("notice", P.PEOPLE),
    ("POST", "/people/{person_id}/test-notice"): EMPTY,
    ("GET", "/push-key"): EMPTY,
    ("GET", "/people/{person_id}/push-subscriptions"): EMPTY,
    ("POST", "/people/{person_id}/push-subscriptions"): Sample(json=lambda *_: BROWSER),
    ("DELETE", "/people/{person_id}/push-subscriptions/{subscription_id}"): EMPTY,
    ("GET", "/units/{unit_id}/webhook"): EMPTY,
    ("PUT", "/units/{unit_id}/webhook"): Sample(json=lambda *_: {"url": "https://khac.example/"}),
    ("DELETE", "/units/{unit_id}/webhook"): EMPTY,
    ("GET", "/devices"): listed("device", P.SEE),
    ("POST", "/devices"): named(P.TEND, json=lambda _, p: _device(p, "moi")),
    ("POST", "/devices/batch"): named(P.TEND, json=lambda _, p: {"devices": [_device(p, "m-1"), _device(p, "m-2")]}),
    ("PATCH", "/devices/{device_id}"): Sample(json=lambda *_: {"reach_m": 100}),
    ("GET", "/device-search"): listed("device", P.SEE, inside="items"),
    ("GET", "/devices/{device_id}"): EMPTY,
    ("GET", "/devices/{device_id}/beats"): EMPTY,
    ("GET", "/devices/{device_id}/journal"): EMPTY,
    ("GET", "/devices/{device_id}/log"): EMPTY,
    ("GET", "/devices/{device_id}/volume"): EMPTY,
    ("PUT", "/devices/{device_id}/volume"): Sample(json=lambda *_: {"most": 70}),
    ("GET", "/devices/{device_id}/commands"): EMPTY,
    ("POST", "/devices/{device_id}/commands"): Sample(json=lambda *_: {"name": "report-state"}),
    ("GET", "/findings"): listed("device", P.SEE, "device_id"),
    ("GET", "/provisioning"): EMPTY,
    ("GET", "/stagger"): named(P.SEE, params=_unit("unit")),
    ("POST", "/stagger"): named(P.TEND, json=_unit("unit")),
    ("DELETE", "/stagger"): named(P.TEND, params=_unit("unit")),
    ("GET", "/media"): listed("asset", P.KNOW),
    ("POST", "/media"): named(P.WRITE, params=_unit("unit"), content=b"RIFF", headers=ASYNC),
    ("GET", "/media/{asset_id}"): EMPTY,
    ("GET", "/media/{asset_id}/sound"): EMPTY,
    ("GET", "/media/{asset_id}/waveform"): EMPTY,
    ("GET", "/media/{asset_id}/waveform.svg"): EMPTY,
    ("POST", "/media/joined"): named(
        P.WRITE,
        json=lambda land, p: {**_unit("unit", title="Nối")(land, p), "parts": [{"asset_id": f"am-{p}"}]},
        headers=ASYNC,
    ),
    ("POST", "/pictures"): named(P.WRITE, params=_unit("unit"), content=b"GIF89a", headers=ASYNC),
    ("GET", "/library"): listed("asset", P.KNOW, inside="items"),
    ("GET", "/library/quotas"): listed("unit", P.SEE, "unit_id"),
    ("GET", "/library/retention"): EMPTY,
    ("POST", "/library/retention"): EMPTY,
    ("GET", "/library/{asset_id}"): EMPTY,
    ("GET", "/library/{asset_id}/picture"): Sample(asset="picture"),
    ("GET", "/units/{unit_id}/library-quota"): EMPTY,
    ("PUT", "/units/{unit_id}/library-quota"): Sample(json=lambda *_: {"most_bytes": 10**9}),
    ("GET", "/jobs"): EMPTY,
    ("GET", "/jobs/{job_id}"): EMPTY,
    ("DELETE", "/jobs/{job_id}"): EMPTY,
    ("GET", "/speech/voices"): EMPTY,
    ("POST", "/speech/readings"): named(P.WRITE, json=_unit("unit", text="8h")),
    ("POST", "/speech/preview"): named(P.WRITE, json=_unit("unit", text="a " * 400)),
    ("POST", "/speech"): named(P.WRITE, json=_unit("unit", text="8h", title="Nói"), headers=ASYNC),
    ("GET", "/units/{unit_id}/speech"): EMPTY,
    ("PUT", "/units/{unit_id}/speech"): Sample(json=lambda *_: {"voices": []}),
    ("DELETE", "/units/{unit_id}/speech"): EMPTY,
    ("GET", "/units/{unit_id}/pronunciations"): EMPTY,
    ("PUT", "/units/{unit_id}/pronunciations"): Sample(json=lambda *_: {"written": "UBND", "spoken": "ủy ban"}),
    ("DELETE", "/units/{unit_id}/pronunciations"): Sample(params=lambda *_: {"written": "UBND"}),
    ("GET", "/broadcasts"): listed("broadcast", P.KNOW),
    ("POST", "/broadcasts"): named(
        P.PLACE, json=lambda land, p: {"title": "T", "to": [land.id("scope", p)], "at": SOON, "board_text": "Chào"}
    ),
    ("GET", "/broadcasts/{broadcast_id}"): EMPTY,
    ("POST", "/broadcasts/{broadcast_id}/cancel"): EMPTY,
    ("POST", "/stops"): named(P.STOP, json=lambda land, p: {"to": [land.id("scope", p)]}),
    ("GET", "/broadcasts/{broadcast_id}/ledger"): EMPTY,
    ("GET", "/results"): named(P.SEE, params=_unit("unit")),
    ("GET", "/monitoring"): named(P.SEE, params=_unit("unit")),
    ("GET", "/monitoring/communes"): named(P.SEE, params=_unit("unit")),
    ("GET", "/monitoring/map"): named(P.SEE, params=_unit("unit")),
    ("GET", "/broadcasts/{broadcast_id}/results"): EMPTY,
    ("POST", "/broadcasts/{broadcast_id}/retry"): Sample(absent=frozenset({"retry_refused"})),
    ("GET", "/timeline"): named(P.SEE, read=P.SEE, params=lambda _, p: {"device": f"loa-{p}", **TIMES}),
    ("GET", "/explain"): named(P.SEE, read=P.SEE, params=lambda _, p: {"device": f"loa-{p}", "at": SOON}),
    ("GET", "/programmes/sheet-template"): EMPTY,
    ("POST", "/programmes/sheet"): named(
        P.PLACE, params=_unit("unit", id="bang", title="Bảng"), content=template.as_csv()
    ),
    ("GET", "/programmes"): listed("programme", P.KNOW),
    ("GET", "/programmes/{programme_id}"): EMPTY,
    ("PUT", "/programmes/{programme_id}"): Sample(json=_save),
    ("DELETE", "/programmes/{programme_id}"): Sample(params=lambda *_: {"expected_revision": 1}),
    ("GET", "/programmes/{programme_id}/history"): EMPTY,
    ("POST", "/programmes/{programme_id}/preview"): Sample(json=_save),
    ("POST", "/programmes/{programme_id}/moves"): Sample(
        json=lambda *_: {
            "session": "sang",
            "occurrence": "2026-11-25T05:00",
            "start": "2026-11-25T06:00",
            "expected_revision": 1,
        }
    ),
    ("GET", "/units/{unit_id}/week"): EMPTY,
    ("GET", "/units/{unit_id}/week-sheet"): EMPTY,
    ("POST", "/programmes/{programme_id}/changes"): Sample(
        json=lambda *_: {
            "change": {"session": "sang", "occurrence": "2026-11-22T05:00", "cancelled": True},
            "expected_revision": 1,
        }
    ),
    ("GET", "/programmes/{programme_id}/occurrences"): Sample(params=lambda *_: TIMES),
    ("GET", "/programmes/{programme_id}/reach"): EMPTY,
    ("GET", "/programmes/{programme_id}/conflicts"): EMPTY,
    ("GET", "/slot-items"): named(P.SEE, params=_unit("unit")),
    ("POST", "/slot-items"): named(
        P.PLACE, json=lambda _, p: {"unit": UNITS[p], "title": "Mục", "asset": f"am-{p}", "owner": UNITS[p]}
    ),
    ("PATCH", "/slot-items/{item_id}"): Sample(json=lambda *_: {"title": "Khác"}),
    ("DELETE", "/slot-items/{item_id}"): EMPTY,
    ("PUT", "/slot-items/order"): named(
        P.PLACE, json=lambda land, p: {"unit": UNITS[p], "ids": [land.id("slot item", p)]}
    ),
    ("GET", "/policies"): listed("scope", P.KNOW, "scope"),
    ("GET", "/policies/{scope}"): EMPTY,
    ("PUT", "/policies/{scope}"): Sample(json=lambda *_: {"document": {}, "expected_revision": 1}),
    ("DELETE", "/policies/{scope}"): Sample(params=lambda *_: {"expected_revision": 1}),
    ("GET", "/policies/{scope}/history"): EMPTY,
    ("GET", "/devices/{device_id}/policy"): EMPTY,
    ("GET", "/quiet-zones"): listed("zone", P.KNOW),
    ("GET", "/quiet-zones/{zone_id}"): EMPTY,
    ("PUT", "/quiet-zones/{zone_id}"): Sample(json=_zone),
    ("DELETE", "/quiet-zones/{zone_id}"): Sample(params=lambda *_: {"expected_revision": 1}),
    ("GET", "/bulletins"): listed("bulletin", P.SEE),
    ("POST", "/bulletins"): named(P.WRITE, json=lambda land, p: {"unit": UNITS[p], "document": _bulletin(land, p)}),
    ("GET", "/bulletins/{bulletin_id}"): EMPTY,
    ("PUT", "/bulletins/{bulletin_id}"): Sample(
        json=lambda land, p: {"document": _bulletin(land, p), "expected_revision": 1}
    ),
    ("GET", "/bulletins/{bulletin_id}/history"): EMPTY,
    ("POST", "/bulletins/{bulletin_id}/submit"): NO_BODY,
    ("POST", "/bulletins/{bulletin_id}/approve"): Sample(json=lambda *_: {"revision": 1}),
    ("POST", "/bulletins/{bulletin_id}/return"): Sample(json=lambda *_: {"why": "Sai"}),
    ("POST", "/bulletins/{bulletin_id}/withdraw"): named(P.STOP, P.WRITE, read=P.SEE, json=lambda *_: {"why": "Sai"}),
    ("GET", "/bulletins/{bulletin_id}/withdrawal"): EMPTY,
    ("GET", "/bulletins/{bulletin_id}/readiness"): EMPTY,
    ("GET", "/bulletins/{bulletin_id}/placements"): EMPTY,
    ("POST", "/bulletins/{bulletin_id}/placements"): named(P.PLACE, read=P.SEE, json=lambda _, p: {"slot": UNITS[p]}),
    ("DELETE", "/bulletins/{bulletin_id}/placements/{placement_id}"): EMPTY,
    ("GET", "/bulletins/{bulletin_id}/outcomes"): EMPTY,
    ("GET", "/audience"): named(P.SEE, params=lambda _, p: {"to": f"u-{UNITS[p]}"}),
    ("GET", "/units/{unit_id}/audience"): EMPTY,
    ("GET", "/units/{unit_id}/audience-map"): EMPTY,
    ("GET", "/units/{unit_id}/slot-times"): EMPTY,
    ("GET", "/reviews"): EMPTY,
    ("GET", "/bulletins/{bulletin_id}/review"): EMPTY,
    ("GET", "/units/{unit_id}/bulletin-rules"): EMPTY,
    ("PUT", "/units/{unit_id}/bulletin-rules"): Sample(json=lambda *_: {"self_approval": False, "why": "Quy chế"}),
    ("GET", "/sources"): listed("source", P.SEE, "name"),
    ("GET", "/sources/{source}/items"): named(P.SEE, read=P.SEE),
    ("GET", "/me"): EMPTY,
    ("GET", "/permissions"): EMPTY,
    ("GET", "/today"): EMPTY,
    ("GET", "/sessions"): EMPTY,
    ("DELETE", "/sessions"): EMPTY,
    ("DELETE", "/sessions/{session_id}"): EMPTY,
    ("POST", "/sign-in/proof"): Sample(json=lambda *_: {"password": "khong phai mat khau"}),
    ("PUT", "/password"): Sample(json=lambda *_: {"password": "mat khau moi that dai"}),
    ("POST", "/second-factor/authenticator"): EMPTY,
    ("POST", "/second-factor/authenticator/confirmation"): Sample(json=lambda *_: {"code": "123456"}),
    ("DELETE", "/second-factor/authenticator"): EMPTY,
    ("POST", "/second-factor/recovery-codes"): EMPTY,
    ("GET", "/second-factor/passkeys"): EMPTY,
    ("POST", "/second-factor/passkeys/options"): NO_BODY,
    ("POST", "/second-factor/passkeys"): NO_BODY,
    ("PATCH", "/second-factor/passkeys/{passkey_id}"): Sample(json=lambda *_: {"name": "Khóa"}),
    ("DELETE", "/second-factor/passkeys/{passkey_id}"): EMPTY,
    ("GET", "/second-factor/oidc-link"): EMPTY,
    ("POST", "/second-factor/oidc-link"): NO_BODY,
    ("DELETE", "/second-factor/oidc-link"): EMPTY,
    ("GET", "/people/{person_id}/account"): EMPTY,
    ("GET", "/people/{person_id}/data"): EMPTY,
    ("POST", "/people/{person_id}/invitation"): NO_BODY,
    ("POST", "/people/{person_id}/sign-in-link"): Sample(absent=frozenset({"sign_in_links_refused"})),
    ("DELETE", "/people/{person_id}/lock"): EMPTY,
    ("GET", "/people/{person_id}/sessions"): EMPTY,
    ("DELETE", "/people/{person_id}/sessions"): EMPTY,
    ("GET", "/people/{person_id}/tokens"): EMPTY,
    ("POST", "/people/{person_id}/tokens"): Sample(json=lambda *_: {"name": "Máy"}),
    ("DELETE", "/people/{person_id}/tokens/{token_id}"): Sample(absent=frozenset({"token_unknown"})),
    ("GET", "/people/{person_id}/oidc-link"): Sample(absent=frozenset({"oidc_link_unknown"})),
    ("PUT", "/people/{person_id}/oidc-link"): Sample(json=lambda *_: {"subject": "ai"}),
    ("DELETE", "/people/{person_id}/oidc-link"): Sample(absent=frozenset({"oidc_link_unknown"})),
    ("GET", "/audit"): EMPTY,
    ("GET", "/audit/head"): EMPTY,
    ("GET", "/audit/export"): EMPTY,
}
ASKED_ELSEWHERE = frozenset({("GET", "/events")})
"""A stream does not end: test_access_events.py."""
