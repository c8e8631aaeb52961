"""`loa keys` against a served controller: who signs is told, and another key takes over."""

import json
from pathlib import Path

from tests.fakes.served import loa, served


def test_a_new_plan_key_takes_over_and_the_old_one_is_told_of(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        before = _plan_keys(json.loads(loa(client, "keys", "list", "--json")))
        said = loa(client, "keys", "rotate")
        after = _plan_keys(json.loads(loa(client, "keys", "list", "--json")))
        shown = " ".join(loa(client, "keys", "list").split())

    (old,) = before["active"]
    (new,) = after["active"]
    assert old in "".join(said.split())
    assert new in "".join(said.split())
    assert after["retired"] == [old]
    assert old != new
    assert "đang dùng" in shown
    assert "đã thôi dùng" in shown


def test_without_its_root_key_the_controller_says_what_to_do(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        for root in (tmp_path / "keys").glob("root-*"):
            root.rename(tmp_path / root.name)
        said = " ".join(loa(client, "keys", "rotate", code=1).split())

    assert "root_keys_elsewhere" in said


def _plan_keys(told: dict[str, list[dict[str, str]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"active": [], "retired": []}
    for key in told["keys"]:
        if "plan" in key["roles"]:
            found[key["status"]].append(key["id"])
    return found
