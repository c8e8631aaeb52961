"""The controller counts with the length a chime really has on the device."""

import pytest

from edge_agent.player.chimes import CHIMES, chime
from loa_protocol.documents.plan import CHIME_MS


@pytest.mark.parametrize("name", CHIMES)
def test_a_chime_lasts_as_long_as_plans_say(name: str) -> None:
    assert len(chime(name)) == CHIME_MS[name] * 48


def test_plans_name_no_chime_that_agents_cannot_sound() -> None:
    assert set(CHIME_MS) == set(CHIMES)
