"""Imports every feature's tables, so that the metadata is whole for migrations."""

from controller.accounts import tables as accounts
from controller.accounts.oidc import tables as oidc
from controller.accounts.passkeys import tables as passkeys
from controller.api import tables as api
from controller.audit import tables as audit
from controller.broadcasts import tables as broadcasts
from controller.bulletins import tables as bulletins
from controller.delivery import tables as delivery
from controller.devices import tables as devices
from controller.jobs import tables as jobs
from controller.library import tables as library
from controller.media import tables as media
from controller.notices import tables as notices
from controller.people import tables as people
from controller.policies import tables as policies
from controller.receipts import tables as receipts
from controller.results import tables as results
from controller.runtime.database import Base
from controller.schedules import tables as schedules
from controller.sources import tables as sources
from controller.speech import tables as speech
from controller.units import tables as units

TABLES = (
    units,
    people,
    accounts,
    passkeys,
    oidc,
    notices,
    devices,
    media,
    library,
    jobs,
    broadcasts,
    delivery,
    receipts,
    results,
    sources,
    speech,
    schedules,
    policies,
    bulletins,
    audit,
    api,
)
metadata = Base.metadata
