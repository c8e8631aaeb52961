"""Where one can go, in every role: five places under the thumb of a phone, the rest one tap further; all at a desk."""

from typing import Any

import pytest
from playwright.sync_api import Page

from controller.people.rules import Role
from tests.browser.house import PHONE, Guest, House, take_in

NARROWEST: dict[str, Any] = {**PHONE, "viewport": {"width": 320, "height": 640}}
ROLES: dict[str, tuple[Role, ...]] = {
    "vai-operator": (Role.OPERATOR,),
    "vai-approver": (Role.APPROVER,),
    "vai-technician": (Role.TECHNICIAN,),
    "vai-administrator": (Role.ADMINISTRATOR,),
    "vai-monitor": (Role.MONITOR,),
    "vai-auditor": (Role.AUDITOR,),
    "vai-contributor": (Role.CONTRIBUTOR,),
    "vai-all": tuple(one for one in Role if one is not Role.INTEGRATION),
}
_SMALLEST_PX = 44
_CUT = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"


@pytest.fixture(scope="module")
def everybody(house: House) -> tuple[str, ...]:
    for name, roles in ROLES.items():
        take_in(house.system, name, *map(str, roles))
    return tuple(ROLES)


def _bar(page: Page) -> Any:
    return page.locator(".places a:visible")


def test_a_phone_has_five_places_and_the_rest_behind_the_last(house: House, everybody: tuple[str, ...]) -> None:
    for name in everybody:
        with house.guest(f"places-{name}", **NARROWEST) as guest:
            guest.enter(name)
            guest.go("/")
            guest.page.screenshot(path=house.pictures / f"places-{name}-bar.png")
            near = _bar(guest.page).all_inner_texts()
            boxes = [one.bounding_box() for one in _bar(guest.page).all()]

            assert len(near) == 5
            assert near[-1] == "Thêm…"
            assert all(box["width"] >= _SMALLEST_PX <= box["height"] for box in boxes)
            assert guest.page.locator(".places a:visible span").evaluate_all(_CUT) == []
            guest.lead(_bar(guest.page).last.tap)
            guest.show("more", look=name == everybody[-1])
            assert guest.page.locator(".places .more a").get_attribute("aria-current") == "page"
            far = guest.page.locator(".rooms strong").all_inner_texts()
            all_of_them = guest.page.locator(".places li:not(.more) span").all_text_contents()
            assert sorted([*near[:-1], *far]) == sorted(all_of_them)
            _enter_last(guest)


def _enter_last(guest: Guest) -> None:
    """What is behind “Thêm…” is marked there."""
    guest.lead(guest.page.locator(".rooms a").last.tap)

    assert guest.page.locator(".places a:visible[aria-current]").all_inner_texts() == ["Thêm…"]
    assert guest.page.locator(".places .more a").get_attribute("aria-current") == "true"


@pytest.mark.usefixtures("everybody")
def test_the_rest_is_reached_by_keys_alone_and_without_scripts(house: House) -> None:
    with house.guest("places-keys", scripts=False, **NARROWEST) as guest:
        guest.enter("vai-all")
        guest.go("/")
        guest.page.locator(".places a:visible").nth(3).focus()
        guest.page.keyboard.press("Tab")
        guest.lead(lambda: guest.page.keyboard.press("Enter"))
        assert guest.page.url.endswith("/more")
        guest.page.locator(".rooms a").first.focus()
        guest.lead(lambda: guest.page.keyboard.press("Enter"))

        assert not guest.page.url.endswith("/more")
        assert guest.page.locator("h1").count() == 1


@pytest.mark.usefixtures("everybody")
def test_a_screen_shows_all_places(house: House) -> None:
    with house.guest("places-screen", phone=False) as guest:
        guest.enter("vai-all")
        guest.go("/more")
        guest.show("more", look=True)

        assert len(_bar(guest.page).all_inner_texts()) == 9
        assert "Thêm…" not in _bar(guest.page).all_inner_texts()
