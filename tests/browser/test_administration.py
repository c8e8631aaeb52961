"""An administrator looks after units, rules, keys and groups: adds a village, moves a device, sets hours, sees why."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from controller.accounts.tables import SignedIn
from tests.acceptance.rig import COMMUNE as NEAR
from tests.acceptance.rig import make_tone
from tests.browser.far_commune import COMMUNE, VILLAGES, FarCommune
from tests.browser.house import PASSWORD, Guest, House

NEW = "Ấp Lý Quàn 3 – khu tái định cư ven sông Cửa Tiểu, cụm dân cư số 12"


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("scripts", [True, False])
def test_a_village_is_added_and_a_device_moves_there(house: House, *, scripts: bool) -> None:
    story, name = f"units-{'with' if scripts else 'without'}-scripts", f"{NEW} {'a' if scripts else 'b'}"
    device = f"/devices/xa-loa-{7 if scripts else 8}"
    with house.guest(story, scripts=scripts, phone=scripts) as quan:
        quan.enter("quan")
        quan.go("/")
        quan.follow("Quản trị")
        quan.show("rooms", look=scripts)
        quan.lead(quan.page.locator('main a[href="/units"]').click)
        quan.follow("Xã Tân Phú Đông")
        quan.show("commune", look=scripts)

        assert "cụm loa" in quan.text

        quan.fill(name=name)
        quan.press("Thêm")
        quan.show("added", look=scripts)

        assert quan.page.get_by_role("link", name=name).count() == 1

        quan.go(device)
        quan.page.locator("select[name=unit_id]").select_option(label=name)
        quan.press("Lưu")
        quan.show("moved")

        assert name in quan.page.locator("h1").inner_text()

        quan.go(f"/units/{COMMUNE}")
        quan.follow(name)
        quan.page.locator("summary", has_text="Đóng đơn vị này").click()
        quan.press("Xác nhận đóng")
        quan.show("in-use")

        assert "Đơn vị còn 1 thiết bị" in quan.text
        _move_back(quan, device)
        quan.go(f"/units/{COMMUNE}")
        quan.follow(name)
        quan.fill(new_name="Ấp Sắp Đóng")
        quan.press("Đổi tên")
        quan.page.locator("summary", has_text="Đóng đơn vị này").click()
        quan.press("Xác nhận đóng")

        assert "Đã đóng đơn vị" in quan.text
        assert "Ấp Sắp Đóng" not in quan.page.locator(".tree").inner_text()

        quan.page.locator("summary", has_text="Đơn vị đã đóng").click()
        quan.show("closed", look=scripts)
        quan.press("Mở lại")

        assert "Đã mở lại đơn vị" in quan.text
        assert "Ấp Sắp Đóng" in quan.page.locator(".tree").inner_text()
        quan.follow("Ấp Sắp Đóng")
        quan.page.locator("summary", has_text="Đóng đơn vị này").click()
        quan.press("Xác nhận đóng")


def _move_back(quan: Guest, device: str) -> None:
    quan.go(device)
    quan.page.locator("select[name=unit_id]").select_option(label=VILLAGES[0])
    quan.press("Lưu")


@pytest.mark.parametrize("scripts", [True, False])
def test_hours_are_set_and_their_effect_is_told(house: House, far: FarCommune, *, scripts: bool) -> None:
    village = list(far.villages)[1 if scripts else 2]
    with house.guest(f"policy-{'with' if scripts else 'without'}-scripts", scripts=scripts, phone=scripts) as quan:
        quan.enter("quan")
        quan.go("/policies")
        quan.show("all", look=scripts)
        quan.go(f"/units/{far.villages[village]}")
        quan.press("Quy định giờ phát")
        _fill_hours(quan)
        quan.show("filled", look=scripts)
        quan.press("Lưu quy định")
        quan.show("saved", look=scripts)

        for said in (
            "Chỉ được phát: 05:00–07:00 mọi ngày; 17:00–18:30 thứ Bảy, Chủ nhật.",
            "Mỗi ngày phát nhiều nhất 45 phút.",
            "Âm lượng to nhất 60 % cả ngày.",
            "Không phát ngày 01/12/2026–03/12/2026 (Quốc tang).",
        ):
            assert said in quan.text
        assert "Lê Minh Quân" in quan.text
        device = _device_of(far, village)
        assert far.system.client.get(f"/devices/{device}/policy")["policies"][0]["document"]["minutes_a_day"] == 45

        quan.go(f"/policies/d-{device}")
        quan.show("inherited", look=scripts)
        assert "từ đơn vị cấp trên" in quan.text
        assert "Mỗi ngày phát nhiều nhất 45 phút." in quan.text

        quan.go(f"/policies/u-{far.villages[village]}")
        quan.fill(w0_from="08:00", w0_to="08:00")
        quan.press("Lưu quy định")
        quan.show("refused")
        assert "Giờ kết thúc trùng giờ bắt đầu" in quan.text
        assert quan.page.locator("[name=w0_from]").input_value() == "08:00"

        quan.go(f"/policies/u-{far.villages[village]}")
        quan.page.locator("summary", has_text="Bỏ quy định riêng").click()
        quan.press("Xác nhận bỏ")
        assert "không có quy định riêng" in quan.text
        quan.show("lifted")


def _fill_hours(quan: Guest) -> None:
    quan.fill(w0_from="05:00", w0_to="07:00", w1_from="17:00", w1_to="18:30", minutes_a_day="45", c0_volume="60")
    for day in ("sat", "sun"):
        quan.page.locator(f"[name=w1_{day}]").check()
    quan.fill(b0_from="2026-12-01", b0_to="2026-12-03", b0_title="Quốc tang", note="QĐ 12/2026")


def _device_of(far: FarCommune, village: str) -> str:
    found = far.system.client.get("/device-search", {"unit": far.villages[village], "kind": "speaker", "limit": "1"})
    return str(found["items"][0]["id"])


def test_what_is_planned_and_will_be_silent_is_told_at_once(house: House, far: FarCommune, known_sound: str) -> None:
    to = [f"u-{far.villages[VILLAGES[0]]}"]
    night = (datetime.now(UTC) + timedelta(days=2)).replace(hour=15, minute=0)
    body = {"title": "Tin khuya", "to": to, "at": night.isoformat(), "asset_id": known_sound}
    far.system.client.post("/broadcasts", body)
    with house.guest("policy-silences") as quan:
        quan.enter("quan")
        quan.go(f"/policies/{to[0]}")
        quan.fill(w0_from="05:00", w0_to="19:00")
        quan.press("Lưu quy định")
        quan.show("silenced", look=True)

        assert "Có 1 buổi đã xếp sẽ bị ảnh hưởng" in quan.text
        assert "Tin khuya" in quan.text


def test_keys_and_groups_are_shown_and_nothing_secret(house: House, far: FarCommune) -> None:
    listed = far.system.client.get("/keys")
    secrets = [path.read_text().strip() for path in (far.system.data_dir / "keys").glob("*.key")]
    with house.guest("keys") as quan:
        quan.enter("quan")
        quan.go("/keys")
        quan.show("keys", look=True)
        shown = quan.text.replace(" ", "").replace("\n", "")

        assert all(one["id"] in shown for one in listed["keys"])
        assert not any(secret in shown for secret in secrets)
        assert "Chỉ cần một người giữ khóa gốc ký là đủ." in quan.text
        quan.go("/groups")
        quan.show("groups", look=True)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_group_is_made_filled_emptied_and_retired(house: House, far: FarCommune, *, scripts: bool) -> None:
    api = far.system.client
    name = f"Loa quanh chợ đầu mối nông sản {'và bến đò Cửa Tiểu' if scripts else 'Tân Phú'}"
    with house.guest(f"groups-{'with' if scripts else 'without'}-scripts", scripts=scripts, phone=scripts) as quan:
        quan.enter("quan")
        quan.go("/administration")
        quan.lead(quan.page.locator('main a[href="/groups"]').click)
        quan.fill(name=name)
        quan.page.locator("select[name=unit_id]").select_option(label="Xã Tân Phú Đông")
        quan.press("Lập nhóm, rồi chọn thiết bị")
        quan.show("made", look=scripts)
        group = quan.page.url.rpartition("/")[2]

        assert "Đã lập nhóm" in quan.text
        assert "Chưa có thiết bị nào trong nhóm." in quan.text

        quan.press("Đưa các thiết bị đã chọn vào nhóm")
        assert "Chưa chọn thiết bị nào." in quan.text
        for sought, device in (("cum loa 31", "31"), ("CỤM LOA 50", "50"), ("cum loa 32", "32")):
            quan.fill(q=sought)
            quan.press("Tìm")
            quan.page.locator(f"[name=d-xa-loa-{device}]").check()
        quan.show("ticked", look=scripts)
        assert "Và 2 thiết bị đã chọn, không hiện ở đây." in quan.text
        quan.press("Đưa các thiết bị đã chọn vào nhóm")
        quan.show("filled", look=scripts)

        assert "Đã lưu nhóm." in quan.text
        assert "2 cụm loa, 1 bảng điện tử ở" in quan.text
        assert _members(far, group) == {"xa-loa-31", "xa-loa-32", "xa-loa-50"}

        quan.page.locator("[name=d-xa-loa-32]").check()
        quan.press("Đưa các thiết bị đã chọn ra khỏi nhóm")
        assert _members(far, group) == {"xa-loa-31", "xa-loa-50"}
        night = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        body = {"title": "Tin chợ", "to": [f"g-{group}"], "at": night, "board_text": "Họp chợ", "board_s": 10}
        broadcast = api.post("/broadcasts", body)["id"]
        _retire(quan)
        quan.show("in-use", look=scripts)
        assert "Nhóm còn được dùng trong buổi sắp phát “Tin chợ”" in quan.text

        api.post(f"/broadcasts/{broadcast}/cancel")
        _retire(quan)
        quan.show("retired", look=scripts)
        assert "Đã bỏ nhóm." in quan.text
        assert name not in quan.page.locator("main").inner_text()


def _retire(quan: Guest) -> None:
    quan.page.locator("summary", has_text="Bỏ nhóm này").click()
    quan.press("Xác nhận bỏ nhóm")


def _members(far: FarCommune, group: str) -> set[str]:
    return {one["id"] for one in far.system.client.get(f"/groups/{group}/devices")["items"]}


def test_a_quiet_zone_is_looked_at_and_not_filled_by_hand(house: House, far: FarCommune) -> None:
    where = {"latitude": 10.3, "longitude": 106.8, "radius_m": 90, "document": {}}
    far.system.client.put("/quiet-zones/truong-hoc", {"title": "Trường Mầm non Hoa Sen", "unit_id": COMMUNE, **where})
    with house.guest("zone") as quan:
        quan.enter("quan")
        quan.go("/groups")
        quan.follow("Trường Mầm non Hoa Sen")
        quan.show("zone", look=True)

        assert "Thiết bị thuộc vùng theo vị trí" in quan.text
        assert quan.page.locator("main form").count() == 0


@pytest.mark.parametrize("scripts", [True, False])
def test_the_plan_key_is_changed_after_a_fresh_proof(house: House, far: FarCommune, *, scripts: bool) -> None:
    api = far.system.client
    quan_id = next(one["id"] for one in api.get("/people") if one["name"] == "Lê Minh Quân")
    granted = {one["unit_id"] for one in api.get(f"/people/{quan_id}/grants")}
    for unit in api.get("/units"):
        if unit["parent_id"] is None and unit["id"] not in granted:
            api.post(f"/people/{quan_id}/grants", {"role": "administrator", "unit_id": unit["id"]})
    before = _plan_keys(far)
    with house.guest(f"rotation-{'with' if scripts else 'without'}-scripts", scripts=scripts, phone=scripts) as quan:
        quan.enter("quan")
        house._write(partial(_proved_long_ago, quan_id))
        _rotate(quan, look=scripts)

        assert "Xác nhận đúng là bạn" in quan.text
        assert _plan_keys(far) == before
        quan.fill(password=PASSWORD, code=house.apps["quan"].code())
        quan.press("Xác nhận")
        house.cookies["quan"] = next(one["value"] for one in quan.context.cookies() if one["name"] == "loa")
        _rotate(quan)
        quan.show("rotated", look=scripts)

        after = _plan_keys(far)
        assert "Đã đổi khóa." in quan.text
        assert len(after) == len(before) + 1
        assert {after[key] for key in before} == {"retired"}
        shown = quan.text.replace(" ", "").replace("\n", "")
        assert all(key in shown for key in after)
        assert "thôi dùng" in quan.text


def _rotate(quan: Guest, *, look: bool = False) -> None:
    quan.go("/keys")
    quan.page.locator("summary", has_text="Đổi khóa này").click()
    quan.show("asked", look=look)
    quan.press("Xác nhận đổi khóa")


def _plan_keys(far: FarCommune) -> dict[str, str]:
    return {one["id"]: one["status"] for one in far.system.client.get("/keys")["keys"] if "plan" in one["roles"]}


async def _proved_long_ago(person_id: str, session: AsyncSession) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    await session.execute(update(SignedIn).where(SignedIn.person_id == person_id).values(proved_at=old))


def test_without_the_root_key_the_page_says_who_does_what(house: House, far: FarCommune) -> None:
    folder = far.system.data_dir / "keys"
    root = next(folder.glob("root-*.key"))
    kept = root.rename(folder.parent / root.name)
    try:
        with house.guest("root-elsewhere") as quan:
            quan.enter("quan")
            quan.go("/keys")
            quan.page.locator("summary", has_text="Đổi khóa này").click()
            quan.show("told", look=True)

            assert "loa keys rotate" in quan.text
            assert quan.page.locator("form[action='/keys/rotation']").count() == 0
    finally:
        kept.rename(root)


@pytest.mark.usefixtures("far")
def test_the_language_is_changed_where_a_form_was_refused(house: House) -> None:
    with house.guest("units-english") as tuan:
        tuan.enter("tuan")
        tuan.go(f"/units/{NEAR}")
        tuan.fill(name="   ")
        tuan.press("Thêm")
        assert tuan.page.url.endswith("/below")
        tuan.press("English")
        tuan.show("english")

        assert tuan.page.url.endswith(f"/units/{NEAR}")
        assert "Xã An Bình" in tuan.page.locator("h1").inner_text()


def test_an_administrator_is_offered_their_own_units_in_vietnamese_order(house: House) -> None:
    api = house.system.client
    api.post("/units", {"id": "tinh-minh-hoa", "name": "Tỉnh Minh Họa", "kind": "province"})
    api.post("/units", {"id": "xa-an-lanh", "name": "Xã An Lành", "kind": "commune", "parent_id": "tinh-minh-hoa"})
    for name in ("Thôn Gò Mít", "Thôn Chợ Chiều", "Thôn Ao Sen", "Thôn Đầm Hạ", "Thôn Cầu Gạo"):
        api.post("/units", {"name": name, "kind": "village", "parent_id": "xa-an-lanh"})
    expected = ["Thôn Ao Sen", "Thôn Cầu Gạo", "Thôn Chợ Chiều", "Thôn Đầm Hạ", "Thôn Gò Mít"]
    _come_in(house, "thu", "xa-an-lanh")
    with house.guest("units-own") as thu:
        thu.enter("thu")
        thu.go("/people/new")
        thu.show("new-person", look=True)
        offered = thu.page.locator("select[name=unit_id]")

        assert offered.locator("option").all_inner_texts() == ["Xã An Lành", *expected]
        assert offered.input_value() == "xa-an-lanh"

        thu.fill(name="Ngô Văn Tám")
        thu.press("Thêm")
        for number in range(2):
            at = thu.page.locator("select[name=unit_id]").nth(number)
            assert at.locator("option").all_inner_texts() == ["Xã An Lành", *expected]
            assert at.input_value() == "xa-an-lanh"

        thu.go("/units")
        thu.show("own-unit", look=True)

        assert "Tỉnh Minh Họa" in thu.page.locator("nav.trail").inner_text()
        assert thu.page.locator("nav.trail a").all_inner_texts() == ["Quản trị"]
        assert thu.page.locator(".tree a").all_inner_texts() == expected

        thu.follow("Thôn Ao Sen")

        assert thu.page.locator("nav.trail a").all_inner_texts() == ["Quản trị", "Xã An Lành"]
        assert "Tỉnh Minh Họa" not in "".join(thu.page.locator("option").all_inner_texts())


def _come_in(house: House, name: str, unit: str) -> None:
    api = house.system.client
    made = api.post("/people", {"name": name.title(), "unit_id": unit})["id"]
    api.post(f"/people/{made}/grants", {"role": "administrator", "unit_id": unit})
    link = api.post(f"/people/{made}/invitation", {"sign_in_name": name})
    api.post("/invitations", {"secret": link["secret"], "password": PASSWORD, "keep": "token"})


def test_who_does_not_administer_has_no_such_place(house: House) -> None:
    with house.guest("no-administration", scripts=False) as nga:
        nga.enter("nga")
        nga.go("/")

        assert nga.page.get_by_role("link", name="Quản trị").count() == 0
        for path in ("/units", "/policies", "/keys", "/groups", "/administration"):
            nga.go(path)
            assert "Bạn chưa được giao quyền" in nga.text


@pytest.fixture(scope="module")
def known_sound(far: FarCommune, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A short tone, taken in."""
    sound = make_tone(tmp_path_factory.mktemp("sound") / "tone.wav", seconds=2.0)
    found: dict[str, Any] = far.system.client.upload(sound, "Chuông", COMMUNE)
    return str(found["id"])
