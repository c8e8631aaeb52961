"""The policy of the API: what every route needs. A route that is neither here nor public does not start.

`at`: the permission at the unit of the thing that the address names. `later`: the route itself asks `Allowed`, because
a body names units or a list is filtered; where the address names a thing, that has been found readable. `anywhere`: the
permission at whatever unit. `own`: people about themselves, others with the permission. `MINE`: what somebody asked for
themselves. `ANYBODY`: whoever is signed in. What a role permits stands in `rules.GIVES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from controller.access import subjects as s
from controller.access.rules import Permission as P  # noqa: N817 - read in every row
from controller.access.subjects import Subject
from controller.bulletins.rules import not_approver
from loa_protocol.errors import LoaError


class Decides(Enum):
    """What decides."""

    THING = "thing"
    ROUTE = "route"
    ROLE = "role"
    SELF = "self"
    MAKER = "maker"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Row:
    """What a route needs; `new`: what the address names may be yet to be made, so that the route has to ask, too.

    `refused` says in the words of the route that somebody who may look may not do it.
    """

    decides: Decides
    permission: P | None = None
    subject: Subject | None = None
    new: bool = False
    refused: Callable[[], LoaError] | None = None


def at(permission: P, subject: Subject, *, new: bool = False, refused: Callable[[], LoaError] | None = None) -> Row:
    """The permission, at the units of the thing."""
    return Row(Decides.THING, permission, subject, new, refused)


def later(permission: P, subject: Subject | None = None) -> Row:
    """The permission, where the route asks for it."""
    return Row(Decides.ROUTE, permission, subject)


def anywhere(permission: P) -> Row:
    """The permission, at whatever unit."""
    return Row(Decides.ROLE, permission)


def own(permission: P) -> Row:
    """Oneself, or the permission at the unit of the person."""
    return Row(Decides.SELF, permission, s.PERSON)


ANYBODY = Row(Decides.SIGN_IN)
MINE = Row(Decides.MAKER)

PUBLIC = frozenset(
    {
        ("GET", "/health"),
        ("GET", "/sign-in"),
        ("POST", "/sign-in"),
        ("POST", "/sign-in/code"),
        ("POST", "/sign-in/link"),
        ("POST", "/sign-in/passkey/options"),
        ("POST", "/sign-in/passkey"),
        ("POST", "/sign-in/proof/passkey/options"),
        ("POST", "/sign-in/proof/passkey"),
        ("POST", "/sign-in/oidc"),
        ("GET", "/sign-in/oidc/callback"),
        ("POST", "/sign-in/proof/oidc"),
        ("DELETE", "/sign-in"),
        ("POST", "/invitations"),
        ("POST", "/set-up"),
    }
)
"""Routes for whoever has not signed in yet; they stand on routers without the guard."""

TABLE: Mapping[tuple[str, str], Row] = MappingProxyType(
    {
        # Oneself, today
        ("GET", "/permissions"): ANYBODY,
        ("GET", "/today"): later(P.KNOW),
        # Units
        ("GET", "/units"): later(P.KNOW),
        ("POST", "/units"): later(P.ADMINISTER),
        ("PATCH", "/units/{unit_id}"): at(P.ADMINISTER, s.UNIT),
        ("GET", "/units/{unit_id}/branch"): at(P.KNOW, s.UNIT),
        ("POST", "/units/{unit_id}/closing"): at(P.ADMINISTER, s.PARENT),
        ("POST", "/units/{unit_id}/opening"): at(P.ADMINISTER, s.PARENT),
        ("GET", "/units/{unit_id}/closed"): at(P.ADMINISTER, s.UNIT),
        ("GET", "/groups"): later(P.KNOW),
        ("GET", "/languages"): ANYBODY,
        ("POST", "/groups"): later(P.TEND),
        ("GET", "/groups/{group_id}"): at(P.KNOW, s.GROUP),
        ("PATCH", "/groups/{group_id}"): at(P.TEND, s.GROUP),
        ("DELETE", "/groups/{group_id}"): at(P.TEND, s.GROUP),
        ("GET", "/groups/{group_id}/devices"): at(P.KNOW, s.GROUP),
        # People
        ("GET", "/people"): later(P.PEOPLE),
        ("POST", "/people"): later(P.PEOPLE),
        ("GET", "/people/{person_id}"): own(P.PEOPLE),
        ("PATCH", "/people/{person_id}"): at(P.PEOPLE, s.PERSON),
        ("GET", "/people/{person_id}/data"): own(P.PEOPLE),
        ("DELETE", "/people/{person_id}"): at(P.PEOPLE, s.PERSON),
        ("POST", "/people/{person_id}/retirement"): at(P.PEOPLE, s.PERSON),
        ("GET", "/people/{person_id}/grants"): own(P.PEOPLE),
        ("POST", "/people/{person_id}/grants"): at(P.PEOPLE, s.PERSON),
        ("DELETE", "/people/{person_id}/grants/{grant_id}"): at(P.PEOPLE, s.PERSON),
        ("GET", "/people/{person_id}/leaves"): own(P.PEOPLE),
        ("POST", "/people/{person_id}/leaves"): own(P.PEOPLE),
        ("DELETE", "/people/{person_id}/leaves/{leave_id}"): own(P.PEOPLE),
        ("GET", "/units/{unit_id}/approvers"): at(P.KNOW, s.UNIT),
        # Accounts
        ("GET", "/me"): ANYBODY,
        ("GET", "/sessions"): ANYBODY,
        ("DELETE", "/sessions"): ANYBODY,
        ("DELETE", "/sessions/{session_id}"): ANYBODY,
        ("POST", "/sign-in/proof"): ANYBODY,
        ("PUT", "/password"): ANYBODY,
        ("GET", "/second-factor/passkeys"): ANYBODY,
        ("POST", "/second-factor/passkeys/options"): ANYBODY,
        ("POST", "/second-factor/passkeys"): ANYBODY,
        ("PATCH", "/second-factor/passkeys/{passkey_id}"): ANYBODY,
        ("DELETE", "/second-factor/passkeys/{passkey_id}"): ANYBODY,
        ("GET", "/second-factor/oidc-link"): ANYBODY,
        ("POST", "/second-factor/oidc-link"): ANYBODY,
        ("DELETE", "/second-factor/oidc-link"): ANYBODY,
        ("GET", "/people/{person_id}/oidc-link"): own(P.PEOPLE),
        ("PUT", "/people/{person_id}/oidc-link"): at(P.PEOPLE, s.PERSON),
        ("DELETE", "/people/{person_id}/oidc-link"): at(P.PEOPLE, s.PERSON),
        ("POST", "/second-factor/authenticator"): ANYBODY,
        ("POST", "/second-factor/authenticator/confirmation"): ANYBODY,
        ("DELETE", "/second-factor/authenticator"): ANYBODY,
        ("POST", "/second-factor/recovery-codes"): ANYBODY,
        ("GET", "/people/{person_id}/account"): own(P.PEOPLE),
        ("POST", "/people/{person_id}/invitation"): at(P.PEOPLE, s.PERSON),
        ("POST", "/people/{person_id}/sign-in-link"): at(P.PEOPLE, s.PERSON),
        ("DELETE", "/people/{person_id}/lock"): at(P.PEOPLE, s.PERSON),
        ("GET", "/people/{person_id}/sessions"): own(P.PEOPLE),
        ("DELETE", "/people/{person_id}/sessions"): own(P.PEOPLE),
        ("GET", "/people/{person_id}/tokens"): at(P.PEOPLE, s.PERSON),
        ("POST", "/people/{person_id}/tokens"): at(P.PEOPLE, s.PERSON),
        ("DELETE", "/people/{person_id}/tokens/{token_id}"): at(P.PEOPLE, s.PERSON),
        # Notices
        ("GET", "/notices"): later(P.PEOPLE),
        ("POST", "/people/{person_id}/test-notice"): own(P.PEOPLE),
        ("GET", "/push-key"): ANYBODY,
        ("GET", "/people/{person_id}/push-subscriptions"): own(P.PEOPLE),
        ("POST", "/people/{person_id}/push-subscriptions"): own(P.PEOPLE),
        ("DELETE", "/people/{person_id}/push-subscriptions/{subscription_id}"): own(P.PEOPLE),
        ("GET", "/units/{unit_id}/webhook"): at(P.ADMINISTER, s.UNIT),
        ("PUT", "/units/{unit_id}/webhook"): at(P.ADMINISTER, s.UNIT),
        ("DELETE", "/units/{unit_id}/webhook"): at(P.ADMINISTER, s.UNIT),
        # Devices
        ("GET", "/devices"): later(P.SEE),
        ("POST", "/devices"): later(P.TEND),
        ("POST", "/devices/batch"): later(P.TEND),
        ("PATCH", "/devices/{device_id}"): at(P.TEND, s.DEVICE),
        ("GET", "/device-search"): later(P.SEE),
        ("GET", "/devices/{device_id}"): at(P.SEE, s.DEVICE),
        ("GET", "/devices/{device_id}/beats"): at(P.SEE, s.DEVICE),
        ("GET", "/devices/{device_id}/journal"): at(P.SEE, s.DEVICE),
        ("GET", "/devices/{device_id}/log"): at(P.TEND, s.DEVICE),
        ("GET", "/devices/{device_id}/volume"): at(P.SEE, s.DEVICE),
        ("PUT", "/devices/{device_id}/volume"): at(P.TEND, s.DEVICE),
        ("GET", "/devices/{device_id}/commands"): at(P.SEE, s.DEVICE),
        ("POST", "/devices/{device_id}/commands"): at(P.TEND, s.DEVICE),
        ("GET", "/findings"): later(P.SEE),
        ("GET", "/provisioning"): anywhere(P.TEND),
        ("GET", "/keys"): anywhere(P.ADMINISTER),
        ("POST", "/keys/plan/rotation"): later(P.ADMINISTER),
        ("GET", "/stagger"): later(P.SEE),
        ("POST", "/stagger"): later(P.TEND),
        ("DELETE", "/stagger"): later(P.TEND),
        # Sounds, pictures, the library
        ("GET", "/media"): later(P.KNOW),
        ("POST", "/media"): later(P.WRITE),
        ("GET", "/media/{asset_id}"): at(P.KNOW, s.ASSET),
        ("GET", "/media/{asset_id}/sound"): at(P.KNOW, s.ASSET),
        ("GET", "/media/{asset_id}/waveform"): at(P.KNOW, s.ASSET),
        ("GET", "/media/{asset_id}/waveform.svg"): at(P.KNOW, s.ASSET),
        ("POST", "/media/joined"): later(P.WRITE),
        ("POST", "/pictures"): later(P.WRITE),
        ("GET", "/library"): later(P.KNOW),
        ("GET", "/library/quotas"): later(P.SEE),
        ("GET", "/library/retention"): later(P.ADMINISTER),
        ("POST", "/library/retention"): later(P.ADMINISTER),
        ("GET", "/library/{asset_id}"): at(P.KNOW, s.ASSET),
        ("GET", "/library/{asset_id}/picture"): at(P.KNOW, s.ASSET),
        ("GET", "/units/{unit_id}/library-quota"): at(P.SEE, s.UNIT),
        ("PUT", "/units/{unit_id}/library-quota"): at(P.ADMINISTER, s.PARENT),
        ("GET", "/jobs"): MINE,
        ("GET", "/jobs/{job_id}"): MINE,
        ("DELETE", "/jobs/{job_id}"): MINE,
        # Speech
        ("GET", "/speech/voices"): anywhere(P.KNOW),
        ("POST", "/speech/readings"): later(P.WRITE),
        ("POST", "/speech/preview"): later(P.WRITE),
        ("POST", "/speech"): later(P.WRITE),
        ("GET", "/units/{unit_id}/speech"): at(P.KNOW, s.UNIT),
        ("PUT", "/units/{unit_id}/speech"): at(P.ADMINISTER, s.UNIT),
        ("DELETE", "/units/{unit_id}/speech"): at(P.ADMINISTER, s.UNIT),
        ("GET", "/units/{unit_id}/pronunciations"): at(P.KNOW, s.UNIT),
        ("PUT", "/units/{unit_id}/pronunciations"): at(P.WRITE, s.UNIT),
        ("DELETE", "/units/{unit_id}/pronunciations"): at(P.WRITE, s.UNIT),
        # On air
        ("GET", "/broadcasts"): later(P.KNOW),
        ("POST", "/broadcasts"): later(P.PLACE),
        ("GET", "/broadcasts/{broadcast_id}"): at(P.KNOW, s.BROADCAST),
        ("POST", "/broadcasts/{broadcast_id}/cancel"): at(P.PLACE, s.BROADCAST),
        ("POST", "/stops"): later(P.STOP),
        ("GET", "/broadcasts/{broadcast_id}/ledger"): at(P.KNOW, s.BROADCAST),
        ("GET", "/results"): later(P.SEE),
        ("GET", "/monitoring"): later(P.SEE),
        ("GET", "/monitoring/communes"): later(P.SEE),
        ("GET", "/monitoring/map"): later(P.SEE),
        ("GET", "/broadcasts/{broadcast_id}/results"): at(P.KNOW, s.BROADCAST),
        ("POST", "/broadcasts/{broadcast_id}/retry"): at(P.PLACE, s.BROADCAST),
        ("GET", "/timeline"): later(P.SEE),
        ("GET", "/explain"): later(P.SEE),
        ("GET", "/events"): later(P.SEE),
        # Programmes
        ("GET", "/programmes/sheet-template"): anywhere(P.KNOW),
        ("POST", "/programmes/sheet"): later(P.PLACE),
        ("GET", "/programmes"): later(P.KNOW),
        ("GET", "/programmes/{programme_id}"): at(P.KNOW, s.PROGRAMME),
        ("PUT", "/programmes/{programme_id}"): at(P.PLACE, s.PROGRAMME, new=True),
        ("DELETE", "/programmes/{programme_id}"): at(P.PLACE, s.PROGRAMME),
        ("GET", "/programmes/{programme_id}/history"): at(P.KNOW, s.PROGRAMME),
        ("POST", "/programmes/{programme_id}/preview"): at(P.PLACE, s.PROGRAMME, new=True),
        ("POST", "/programmes/{programme_id}/changes"): at(P.PLACE, s.PROGRAMME),
        ("POST", "/programmes/{programme_id}/moves"): at(P.PLACE, s.PROGRAMME),
        ("GET", "/programmes/{programme_id}/occurrences"): at(P.KNOW, s.PROGRAMME),
        ("GET", "/programmes/{programme_id}/reach"): at(P.KNOW, s.PROGRAMME),
        ("GET", "/programmes/{programme_id}/conflicts"): at(P.KNOW, s.PROGRAMME),
        ("GET", "/units/{unit_id}/week"): at(P.KNOW, s.UNIT),
        ("GET", "/units/{unit_id}/week-sheet"): at(P.KNOW, s.UNIT),
        ("GET", "/slot-items"): later(P.SEE),
        ("POST", "/slot-items"): later(P.PLACE),
        ("PATCH", "/slot-items/{item_id}"): at(P.PLACE, s.SLOT_ITEM),
        ("DELETE", "/slot-items/{item_id}"): at(P.PLACE, s.SLOT_ITEM),
        ("PUT", "/slot-items/order"): later(P.PLACE),
        # Rules of the air
        ("GET", "/policies"): later(P.KNOW),
        ("GET", "/policies/{scope}"): at(P.KNOW, s.SCOPE),
        ("PUT", "/policies/{scope}"): at(P.ADMINISTER, s.RULED),
        ("DELETE", "/policies/{scope}"): at(P.ADMINISTER, s.SCOPE),
        ("GET", "/policies/{scope}/history"): at(P.KNOW, s.SCOPE),
        ("GET", "/devices/{device_id}/policy"): at(P.SEE, s.DEVICE),
        ("GET", "/quiet-zones"): later(P.KNOW),
        ("GET", "/quiet-zones/{zone_id}"): at(P.KNOW, s.ZONE),
        ("PUT", "/quiet-zones/{zone_id}"): at(P.ADMINISTER, s.ZONE, new=True),
        ("DELETE", "/quiet-zones/{zone_id}"): at(P.ADMINISTER, s.ZONE),
        # Bulletins
        ("GET", "/bulletins"): later(P.SEE),
        ("POST", "/bulletins"): later(P.WRITE),
        ("GET", "/bulletins/{bulletin_id}"): at(P.SEE, s.BULLETIN),
        ("PUT", "/bulletins/{bulletin_id}"): at(P.WRITE, s.BULLETIN),
        ("GET", "/bulletins/{bulletin_id}/history"): at(P.SEE, s.BULLETIN),
        ("POST", "/bulletins/{bulletin_id}/submit"): at(P.WRITE, s.BULLETIN),
        ("POST", "/bulletins/{bulletin_id}/approve"): at(P.APPROVE, s.BULLETIN, refused=not_approver),
        ("POST", "/bulletins/{bulletin_id}/return"): at(P.APPROVE, s.BULLETIN, refused=not_approver),
        ("POST", "/bulletins/{bulletin_id}/withdraw"): later(P.STOP, s.BULLETIN),
        ("GET", "/bulletins/{bulletin_id}/withdrawal"): at(P.SEE, s.BULLETIN),
        ("GET", "/bulletins/{bulletin_id}/readiness"): at(P.SEE, s.BULLETIN),
        ("GET", "/bulletins/{bulletin_id}/placements"): at(P.SEE, s.BULLETIN),
        ("POST", "/bulletins/{bulletin_id}/placements"): later(P.PLACE, s.BULLETIN),
        ("DELETE", "/bulletins/{bulletin_id}/placements/{placement_id}"): at(P.PLACE, s.BULLETIN),
        ("GET", "/bulletins/{bulletin_id}/outcomes"): at(P.SEE, s.BULLETIN),
        ("GET", "/audience"): later(P.SEE),
        ("GET", "/units/{unit_id}/audience"): at(P.PLACE, s.UNIT),
        ("GET", "/units/{unit_id}/audience-map"): at(P.PLACE, s.UNIT),
        ("GET", "/units/{unit_id}/slot-times"): at(P.KNOW, s.UNIT),
        ("GET", "/reviews"): later(P.APPROVE),
        ("GET", "/bulletins/{bulletin_id}/review"): at(P.SEE, s.BULLETIN),
        ("GET", "/units/{unit_id}/bulletin-rules"): at(P.KNOW, s.UNIT),
        ("PUT", "/units/{unit_id}/bulletin-rules"): at(P.ADMINISTER, s.UNIT),
        # Who did what
        ("GET", "/audit"): anywhere(P.AUDIT),
        ("GET", "/audit/head"): anywhere(P.AUDIT),
        ("GET", "/audit/export"): anywhere(P.AUDIT),
        # What source systems handed down
        ("GET", "/sources"): later(P.SEE),
        ("GET", "/sources/{source}/items"): later(P.SEE),
    }
)
