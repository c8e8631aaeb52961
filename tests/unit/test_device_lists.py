"""Lists of devices say of one that has been silent for days that it has, on the phone and on the screen."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from controller.devices.listing import LATELY
from controller.web import device_words, monitoring_words
from controller.web.assets import Assets
from controller.web.rendering import Renderer
from controller.web.translating import Language, tongues

SILENT = {
    "id": "loa-1",
    "name": "Cụm loa 1",
    "kind": "speaker",
    "unit_name": "Thôn Ao Sen",
    "state": "ok",
    "alarms": [],
    "seen_at": None,
    "last": None,
}
FRAME = {"csrf": "", "path": "/", "places": (), "told": None, "me": None, "today": date(2026, 11, 21)}
DEVICES = {
    "found": {"items": [SILENT], "states": dict.fromkeys(device_words.STATES, 0), "after": None},
    "total": 1,
    "chosen": {"state": "", "q": "", "unit": "", "kind": ""},
    "place": {"path": [], "below": []},
}
MONITORING = {
    "devices": {"items": [SILENT]},
    "communes": None,
    "view": "devices",
    "narrowed": False,
    "chosen": {"state": ""},
    "mw": monitoring_words,
    "following": None,
    "export": lambda kind: f"/monitoring/export.{kind}",
}


@pytest.mark.parametrize(("name", "values"), [("devices.html", DEVICES), ("monitoring_part.html", MONITORING)])
def test_what_has_not_played_lately_says_for_how_long(name: str, values: dict[str, Any]) -> None:
    environment = Renderer(Assets(), tongues())._environments[Language.VI]
    shared = {"dw": device_words, "first": True, "address": lambda **_: "/", "visit": SimpleNamespace()}

    shown = environment.get_template(name).render(**FRAME, **shared, **values)

    assert timedelta(days=3) == LATELY
    assert "không phát trong 3 ngày qua" in shown
    assert "–</td>" not in shown
    assert 'class="none"' not in shown
