"""How an objection looks in an answer of the API."""

from datetime import datetime

from controller.api.models import View


class ObjectionView(View):
    """One rule against one broadcast."""

    key: str
    title: str
    start: datetime
    rule: str
    effect: str
    scope: str
    whose: str
    at: datetime
    devices: int
    of: int
    vi: str
    en: str
    fell: str
    fell_title: str
    lowered: int | None
    before: datetime | None
    after: datetime | None
