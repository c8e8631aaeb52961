"""Writing a bulletin as an officer does it on a phone: typed, recorded, uploaded; in three forms; nothing is lost."""

import base64
import re
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from controller.media.encode import decode
from loa_cli.client import Client, locate
from loa_protocol.keys import Ed25519Signer
from tests.acceptance.rig import System, make_tone, wait_for
from tests.browser.house import PASSWORD, PLAIN_HOST, Guest, House, Known
from tests.fakes.chromium import PROGRAM

COMMUNE, EAST, WEST = "xa-dong-hai", "thon-dong-hai", "thon-tay-son"
RATE_HZ, MINUTE_S = 48_000, 60
TYPED = "Kính mời bà con thôn Đông đến nhà văn hóa lúc 7h30 ngày 12/11/2026 để tiêm vắc-xin. UBND xã."
OFFLINE = "không có mạng"
PLACED = {
    1: {"latitude": 20.2712, "longitude": 106.5512},
    2: {"latitude": 20.2748, "longitude": 106.5581},
    3: {"latitude": 20.2695, "longitude": 106.5603},
    4: {"latitude": 20.2661, "longitude": 106.5437},
    5: {"latitude": 20.2634, "longitude": 106.5489},
}
"""Where loudspeakers hang; nobody wrote down where the sixth does."""
MAP_BYTES = 120_000
PATIENCE_S = 40
"""For a sound to be prepared on a busy machine."""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears: a tone that climbs by 100 Hz a second for three seconds, again and again."""
    at = np.arange(3 * RATE_HZ) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * (400 + 100 * np.floor(at)) * at)
    path = tmp_path_factory.mktemp("heard") / "heard.wav"
    with wave.open(str(path), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(RATE_HZ)
        opened.writeframes((tone * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def browser(heard: Path) -> Iterator[Browser]:
    """One that hears the file where a page asks for the microphone."""
    arguments = [
        "--no-sandbox",
        f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={heard}",
    ]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=PROGRAM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def house(furnished_system: System, browser: Browser, pictures: Path, known: Known) -> House:
    """A commune by the sea with two villages, its sessions at 05:00 and 17:00, and the people who write for it."""
    _furnish(furnished_system)
    return House(furnished_system, browser, pictures, known)


def _furnish(system: System) -> None:
    api = system.client
    api.post("/units", {"id": COMMUNE, "name": "Xã Đông Hải", "kind": "commune"})
    api.post("/units", {"id": EAST, "name": "Thôn Đông Hải", "kind": "village", "parent_id": COMMUNE})
    api.post("/units", {"id": WEST, "name": "Thôn Tây Sơn", "kind": "village", "parent_id": COMMUNE})
    devices = [
        {
            "id": f"hai-{n}",
            "name": f"Cụm {n}",
            "kind": "speaker",
            "unit_id": EAST if n < 4 else WEST,
            "public_key": _key(),
            **PLACED.get(n, {}),
        }
        for n in range(1, 7)
    ]
    api.post("/devices/batch", {"devices": devices})
    api.post("/groups", {"id": "cang-ca", "name": "Cảng cá", "unit_id": COMMUNE, "devices": ["hai-1", "hai-5"]})
    for name, *roles in (
        ("hoa", "operator"),
        ("ngan", "approver"),
        ("khanh", "operator", "approver"),
        ("vinh", "contributor"),
        ("quang", "administrator"),
    ):
        _take_in(system, name, *roles)
    sessions = [
        {
            "id": key,
            "title": title,
            "at": at,
            "segments": [{"kind": "bulletins", "title": "Bản tin", "of": COMMUNE, "max_duration_s": 300}],
        }
        for key, title, at in (("sang", "Buổi sáng", "05:00"), ("chieu", "Buổi chiều", "17:00"))
    ]
    document = {
        "format": "loa.programme.v1",
        "id": "ct-dong-hai",
        "title": "Chương trình xã Đông Hải",
        "unit": COMMUNE,
        "valid_from": "2026-01-01",
        "sessions": sessions,
    }
    api.put("/programmes/ct-dong-hai", {"document": document})


def _key() -> str:
    return base64.b64encode(Ed25519Signer.generate().public_raw).decode()


def _take_in(system: System, name: str, *roles: str) -> None:
    api = system.client
    made = api.post("/people", {"name": name.title(), "unit_id": COMMUNE})["id"]
    for role in roles:
        api.post(f"/people/{made}/grants", {"role": role, "unit_id": COMMUNE})
    link = api.post(f"/people/{made}/invitation", {"sign_in_name": name})
    api.post("/invitations", {"secret": link["secret"], "password": PASSWORD, "keep": "token"})


@contextmanager
def _acting_for(system: System, name: str) -> Iterator[Client]:
    """What somebody must answer for."""
    api = locate(system.data_dir, f"http://127.0.0.1:{system.http_port}", None)
    try:
        api.act_for(next(one["id"] for one in api.get("/people") if one["name"] == name))
        yield api
    finally:
        api.close()


class Sent:
    """The forms that a page sends, counted."""

    def __init__(self, page: Page) -> None:
        self.forms: list[str] = []
        page.on("request", self._note)

    def _note(self, asked: Any) -> None:
        if asked.method == "POST" and "/api/" not in asked.url:
            self.forms.append(asked.url)


@contextmanager
def officer(house: House, story: str, name: str = "hoa", **given: Any) -> Iterator[Guest]:
    """Somebody with a phone and a finger, on “Hôm nay”."""
    with house.guest(story, **given) as guest:
        guest.context.set_default_timeout(PATIENCE_S * 1000)
        guest.enter(name)
        guest.go("/")
        yield guest


def tap(guest: Guest, name: str, *, leads: bool = True) -> None:
    """A finger on a button, a link or a choice; fingers do nothing else."""
    page = guest.page.locator("main")
    found = page.get_by_role("button", name=name, exact=True).or_(page.get_by_role("link", name=name, exact=True))
    found = found if found.count() else page.locator("label", has_text=name)
    if leads:
        guest.lead(found.first.tap)
        if name.startswith("Tiếp: nghe lại") and guest.scripts:
            arrive(guest)
    else:
        found.first.tap()


def arrive(guest: Guest) -> None:
    """The first step takes its draft's address just before it leads on."""
    guest.page.wait_for_url("**/where")


def row_of(house: House, title: str) -> dict[str, Any]:
    """The newest bulletin of a title, whole."""
    found = house.system.client.get("/bulletins", {"q": title})
    return dict(house.system.client.get(f"/bulletins/{found[0]['id']}"))


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_typed_bulletin_is_sent_for_approval_in_three_forms(
    house: House, tell: Callable[[str], None], scripts: bool
) -> None:
    title = f"Tiêm vắc-xin {'có' if scripts else 'không'} script"
    with officer(house, f"typed-{'with' if scripts else 'without'}-scripts", scripts=scripts) as hoa:
        sent = Sent(hoa.page)
        began = time.monotonic()
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Gõ chữ, máy đọc", leads=False)
        hoa.fill(text=TYPED, title=title)
        if scripts:
            expect(hoa.page.locator("loa-reading")).to_contain_text("bảy giờ ba mươi")
        hoa.show("content", look=scripts)
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        hoa.show("where", look=scripts)
        assert "mười hai tháng mười một" in hoa.text
        assert "Phát tới 6 cụm loa ở 2 thôn" in hoa.text
        tap(hoa, "Tiếp: chọn giờ phát")
        hoa.show("when", look=scripts)
        assert "Người duyệt: " in hoa.text
        tap(hoa, "Gửi duyệt")
        took_s = time.monotonic() - began
        hoa.show("sent", look=scripts)

        assert "Đã gửi duyệt" in hoa.text
    tell(f"typed and sent {'with' if scripts else 'without'} scripts: {len(sent.forms)} forms, {took_s:.1f} s")
    row = row_of(house, title)
    assert len(sent.forms) == 3
    assert row["state"] == "in_review"
    assert row["document"]["variants"][0]["audio_kind"] == "machine"
    assert [one["slot_unit_id"] for one in row["placements"] if one["state"] == "reserved"] == [COMMUNE]
    assert row["valid_until"] is not None


@pytest.mark.parametrize(
    "scripts", [True, pytest.param(False, marks=pytest.mark.long)], ids=["with-scripts", "without-scripts"]
)
def test_a_file_of_a_minute_is_sent_in_three_forms_and_less_than_a_minute(
    house: House, tell: Callable[[str], None], tmp_path: Path, scripts: bool
) -> None:
    name = f"Thông báo họp thôn {'A' if scripts else 'B'}"
    file = make_tone(tmp_path / f"{name}.wav", seconds=MINUTE_S, hz=440 if scripts else 550)
    with officer(house, f"uploaded-{'with' if scripts else 'without'}-scripts", scripts=scripts) as hoa:
        sent = Sent(hoa.page)
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Tải tệp lên", leads=False)
        hoa.page.locator("[type=file]").set_input_files(file)
        began = time.monotonic()
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        assert "1 phút" in hoa.text
        hoa.page.locator("label", has_text="Xã Đông Hải").tap()
        if not scripts:
            hoa.page.locator("label", has_text="Cảng cá").tap()
        else:
            assert hoa.page.locator("[name=to]:checked").count() == 0
            hoa.page.locator("label", has_text="Cảng cá").tap()
            expect(hoa.page.locator("loa-reached")).to_have_text("Phát tới 2 cụm loa ở 2 thôn")
        tap(hoa, "Tiếp: chọn giờ phát")
        hoa.page.locator("label", has_text="05:00").first.tap()
        hoa.show("when", look=scripts)
        tap(hoa, "Gửi duyệt")
        took_s = time.monotonic() - began
        hoa.show("sent")

        assert "Đã gửi duyệt" in hoa.text
    tell(f"a minute's file, {'with' if scripts else 'without'} scripts: {len(sent.forms)} forms, {took_s:.1f} s")
    assert len(sent.forms) == 3
    assert took_s < MINUTE_S
    row = row_of(house, name)
    (place,) = [one for one in row["placements"] if one["state"] == "reserved"]
    assert place["scopes"] == ["g-cang-ca"]
    assert place["start"].endswith("22:00:00Z")
    assert row["document"]["variants"][0]["audio_kind"] == "upload"


@pytest.mark.parametrize("seconds", [4, pytest.param(MINUTE_S, marks=pytest.mark.long)])
def test_what_the_microphone_heard_is_what_is_stored(
    house: House, tell: Callable[[str], None], tmp_path: Path, seconds: int
) -> None:
    with officer(house, f"recorded-{seconds}-s") as hoa:
        sent = Sent(hoa.page)
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Thu âm", leads=False)
        hoa.show("record", look=True)
        tap(hoa, "Bắt đầu thu", leads=False)
        expect(hoa.page.locator(".timer")).to_contain_text(f"{seconds // 60}:{seconds % 60:02}", timeout=90_000)
        hoa.show("recording")
        tap(hoa, "Dừng thu", leads=False)
        player = hoa.page.locator("loa-recorder audio")
        expect(player).to_be_visible()
        wait_for(lambda: player.evaluate("one => one.readyState") > 0, "what was recorded can be heard")
        hoa.show("recorded", look=True)
        began = time.monotonic()
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        hoa.show("where")
        tap(hoa, "Tiếp: chọn giờ phát")
        tap(hoa, "Gửi duyệt")
        took_s = time.monotonic() - began

        assert "Bản thu lúc" in hoa.page.locator("h1").inner_text()
        key = hoa.page.url.rpartition("/")[2]
    tell(f"recorded {seconds} s: {len(sent.forms)} forms, {took_s:.1f} s for the machine")
    row = house.system.client.get(f"/bulletins/{key}")
    audio = row["document"]["variants"][0]["audio"]
    stored = tmp_path / "stored.opus"
    house.system.client.save(f"/media/{audio}/sound", {"codec": "opus"}, stored)
    pitches = _pitches(np.concatenate(list(decode(stored))))
    share = _as_heard(pitches)
    tell(f"recorded {seconds} s: {share:.0%} of {len(pitches)} moments have the pitch that the microphone heard")
    assert len(sent.forms) == 3
    assert took_s < MINUTE_S
    assert row["document"]["variants"][0]["audio_kind"] == "recording"
    assert len(pitches) >= 8 * (seconds - 1)
    assert share > 0.85


def _pitches(sound: np.ndarray) -> list[int]:
    """The pitch of every eighth of a second, in Hz."""
    width = RATE_HZ // 8
    parts = [sound[at : at + width] for at in range(0, sound.size - width, width)]
    return [int(np.argmax(np.abs(np.fft.rfft(one * np.hanning(width), 4 * width))) * 2) for one in parts]


def _as_heard(pitches: list[int]) -> float:
    """The share of moments with the pitch of the file, wherever in it the recording began."""
    return max(
        float(np.mean([abs(pitch - (400 + 100 * (((first + n) // 8) % 3))) < 30 for n, pitch in enumerate(pitches)]))
        for first in range(24)
    )


def test_a_broken_line_after_any_step_loses_nothing(house: House) -> None:
    title = "Đường truyền đứt"
    with officer(house, "broken-line") as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Gõ chữ, máy đọc", leads=False)
        hoa.fill(text="Mời bà con họp lúc 19h.", title=title)
        hoa.page.reload()
        expect(hoa.page.locator("[name=title]")).to_have_value(title)
        assert "Đã lấy lại" in hoa.text
        for step, button in enumerate(("Tiếp: nghe lại, chọn nơi phát", "Tiếp: chọn giờ phát", "Gửi duyệt"), 1):
            _press_without_a_line(hoa, button)
            hoa.show(f"kept-{step}", look=step == 1)
            hoa.lead(lambda: hoa.context.set_offline(False))
            if step == 1:
                arrive(hoa)
        hoa.show("sent")

        assert "Đã gửi duyệt" in hoa.text
        assert hoa.page.evaluate("Object.keys(localStorage).length") == 0
    found = house.system.client.get("/bulletins", {"q": title})
    assert [one["state"] for one in found] == ["in_review"]
    places = row_of(house, title)["placements"]
    assert len([one for one in places if one["state"] == "reserved"]) == 1


def test_signing_out_forgets_what_was_not_sent(house: House) -> None:
    with officer(house, "signed-out") as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Gõ chữ, máy đọc", leads=False)
        hoa.fill(text="Chuyện riêng, chưa gửi.", title="Chưa gửi")
        hoa.page.reload()
        kept = hoa.page.evaluate("Object.keys(localStorage).length")
        hoa.press("Đăng xuất")
        del house.cookies["hoa"]

        assert kept == 1
        assert hoa.page.evaluate("Object.keys(localStorage).length") == 0


def _press_without_a_line(guest: Guest, button: str) -> None:
    guest.context.set_offline(True)
    tap(guest, button, leads=False)
    expect(guest.page.locator(".kept.offline")).to_contain_text(OFFLINE)
    guest.faults.clear()


def test_a_server_that_dies_loses_nothing_of_a_recording(house: House) -> None:
    with officer(house, "server-died") as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Thu âm", leads=False)
        tap(hoa, "Bắt đầu thu", leads=False)
        expect(hoa.page.locator(".timer")).to_contain_text("0:02", timeout=20_000)
        tap(hoa, "Dừng thu", leads=False)
        hoa.fill(title="Máy chủ tắt")
        expect(hoa.page.locator("loa-recorder audio")).to_be_visible()
        hoa.page.wait_for_timeout(200)
        hoa.page.reload()
        expect(hoa.page.locator("loa-recorder audio")).to_be_visible()
        house.system.controller.kill()
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát", leads=False)
        expect(hoa.page.locator(".kept.offline")).to_contain_text(OFFLINE)
        hoa.lead(lambda: _started_again(house.system))
        arrive(hoa)
        hoa.faults.clear()
        hoa.show("went-on")

        assert "Máy chủ tắt" in hoa.page.locator("h1").inner_text()
    assert [one["state"] for one in house.system.client.get("/bulletins", {"q": "Máy chủ tắt"})] == ["draft"]


def _started_again(system: System) -> None:
    system.controller.start()
    wait_for(system.serving, "the API answers again", 120)


def test_without_scripts_the_browser_sends_a_form_again_and_it_is_done_once(house: House) -> None:
    title = "Gửi lại không script"
    with officer(house, "sent-again", scripts=False) as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Gõ chữ, máy đọc", leads=False)
        hoa.fill(text="Mai cắt nước từ 8h.", title=title)
        fields = {
            name: hoa.page.locator(f"main [name={name}]").first.input_value()
            for name in ("csrf", "once", "begun", "unit")
        }
        form: dict[str, Any] = {
            **fields,
            "mode": "type",
            "text": "Mai cắt nước từ 8h.",
            "title": title,
            "voice": "espeak/vi",
            "boards": "1",
        }
        headers = {"Sec-Fetch-Site": "same-origin"}
        answers = [hoa.page.request.post(f"{house.url}/compose", multipart=form, headers=headers) for _ in range(2)]

        assert answers[0].url == answers[1].url
    assert len(house.system.client.get("/bulletins", {"q": title})) == 1


def drafted(house: House, title: str) -> str:
    """A bulletin of the commune that goes nowhere yet."""
    document = {"title": title, "variants": [{"language": "vi", "text": "Mời bà con ra nhận áo phao."}]}
    with _acting_for(house.system, "Hoa") as hoa:
        return str(hoa.post("/bulletins", {"unit": COMMUNE, "document": document})["id"])


def weighed(page: Page) -> list[float]:
    """What comes over the line from now on, in bytes; nothing comes out of a cache."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    return sizes


@pytest.mark.parametrize("phone", [True, False], ids=["phone", "desktop"])
def test_a_place_is_chosen_on_a_map_and_the_tree_says_the_same(
    house: House, tell: Callable[[str], None], phone: bool
) -> None:
    key = drafted(house, f"Bão số {8 if phone else 9}")
    scheme = "light" if phone else "dark"
    with house.guest(f"map-{'phone' if phone else 'desktop'}", phone=phone, color_scheme=scheme) as hoa:
        hoa.enter("hoa")
        page, sizes = hoa.page, weighed(hoa.page)
        hoa.go(f"/compose/{key}/where")
        page.wait_for_load_state("networkidle")
        without = sum(sizes)
        _press(page.get_by_role("button", name="Xem trên bản đồ"), phone=phone)
        east, group = on_map(page, "Thôn Đông Hải, 3 cụm loa"), on_map(page, "Cảng cá, 2 cụm loa")
        expect(east).to_have_attribute("aria-checked", "true")
        reached = page.locator("loa-where-map .reached")
        expect(reached).to_have_text("Phát tới 6 cụm loa ở 2 thôn")
        page.wait_for_load_state("networkidle")
        whole = sum(sizes)
        tell(f"where, {'phone' if phone else 'desktop'}: {without / 1000:.1f} kB, with the map {whole / 1000:.1f} kB")
        hoa.show("whole", look=True)
        _press(on_map(page, "Thôn Tây Sơn, 3 cụm loa"), phone=phone)
        expect(reached).to_have_text("Phát tới 3 cụm loa ở 1 thôn")
        hoa.show("east", look=True)

        assert checked(page) == [f"u-{EAST}"]
        assert group.get_attribute("aria-checked") == "mixed"
        tree = page.locator("loa-tree label")
        _press(tree.filter(has_text="Thôn Đông Hải"), phone=phone)
        expect(east).to_have_attribute("aria-checked", "false")
        _press(tree.filter(has_text="Cảng cá"), phone=phone)
        expect(reached).to_have_text("Phát tới 2 cụm loa ở 2 thôn")
        hoa.show("group", look=True)

        assert group.get_attribute("aria-checked") == "true"
        assert east.get_attribute("aria-checked") == "mixed"
        assert "1 cụm chưa có tọa độ" in page.locator("loa-where-map").inner_text()
        assert page.locator("loa-where-map path.leaflet-interactive").count() == 0
        _press(page.get_by_role("button", name="Đóng bản đồ"), phone=phone)
        expect(east).to_be_hidden()
        if phone:
            tap(hoa, "Tiếp: chọn giờ phát")
    assert without < 60_000
    assert whole <= MAP_BYTES
    if phone:
        (place,) = [one for one in row_of(house, "Bão số 8")["placements"] if one["state"] == "placed" or one["scopes"]]
        assert place["scopes"] == ["g-cang-ca"]


def _press(wanted: Locator, *, phone: bool) -> None:
    """With a finger or a mouse."""
    if phone:
        wanted.tap()
    else:
        wanted.click()


def on_map(page: Page, name: str) -> Locator:
    return page.locator("loa-where-map").get_by_role("checkbox", name=name, exact=True)


def checked(page: Page) -> list[str]:
    """Scopes that the form would send."""
    return list(page.locator("[name=to]:checked").evaluate_all("found => found.map(one => one.value)"))


def test_keys_alone_choose_on_the_map_and_a_map_that_does_not_come_is_told(house: House) -> None:
    key = drafted(house, "Nước dâng")
    with officer(house, "map-keys") as hoa:
        page, keys = hoa.page, hoa.page.keyboard
        hoa.go(f"/compose/{key}/where")
        page.route("**/where_map.*.js*", lambda route: route.abort())
        button = page.get_by_role("button", name="Xem trên bản đồ")
        button.focus()
        keys.press("Enter")
        expect(page.locator("loa-where-map")).to_contain_text("Chưa tải được bản đồ")
        page.unroute("**/where_map.*.js*")
        hoa.faults.clear()
        keys.press("Enter")
        west = on_map(page, "Thôn Tây Sơn, 3 cụm loa")
        expect(west).to_be_visible()
        for _ in range(10):
            keys.press("Tab")
            if west.evaluate("one => one === document.activeElement"):
                break
        shown = west.evaluate("one => getComputedStyle(one).outlineStyle + getComputedStyle(one).outlineWidth")
        hoa.show("focused")
        keys.press("Space")
        expect(west).to_have_attribute("aria-checked", "false")
        before = checked(page)
        keys.press("Enter")
        expect(west).to_have_attribute("aria-checked", "true")
        page.locator("loa-where-map .leaflet-control-zoom-out").press("Enter")
        expect(west).to_be_visible()

        assert shown == "solid4px"
        assert before == [f"u-{EAST}"]
        assert checked(page) == [f"u-{EAST}", f"u-{WEST}"]


def test_without_scripts_there_is_no_map_and_the_tree_does_everything(house: House) -> None:
    key = drafted(house, "Chỉ có cây")
    with officer(house, "map-no-scripts", scripts=False) as hoa:
        hoa.go(f"/compose/{key}/where")
        hoa.show("tree")

        assert "bản đồ" not in hoa.text
        assert hoa.page.locator("[name=to]").count() == 4


def test_plain_http_says_why_there_is_no_microphone_and_what_to_do(house: House) -> None:
    with house.guest("plain-http-compose") as hoa:
        hoa.enter("hoa")
        hoa.context.add_cookies(
            [{"name": "loa", "value": house.cookies["hoa"], "url": f"http://{PLAIN_HOST}:{house.system.http_port}"}]
        )
        hoa.go(f"http://{PLAIN_HOST}:{house.system.http_port}/compose")
        tap(hoa, "Thu âm", leads=False)
        hoa.show("explained", look=True)

        assert "không cho dùng micrô" in hoa.text
        assert "thu bằng ứng dụng ghi âm của điện thoại" in hoa.text
        assert hoa.page.locator("loa-recorder").count() == 0


def test_a_draft_is_listed_taken_up_again_and_what_is_wrong_is_told(house: House) -> None:
    title = "Bản nháp để dở"
    with officer(house, "draft", scripts=False) as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Gõ chữ, máy đọc", leads=False)
        hoa.fill(text="Nội dung viết dở.", title=title)
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        hoa.go("/bulletins?q=ban nhap de do")
        hoa.show("listed")
        assert "Bản nháp" in hoa.text
        hoa.follow(title)
        tap(hoa, "Soạn tiếp và gửi")
        assert hoa.page.url.endswith("/where")
        for box in hoa.page.locator("[name=to]:checked").all():
            box.uncheck()
        tap(hoa, "Tiếp: chọn giờ phát")
        assert "Hãy chọn ít nhất một nơi" in hoa.text
        hoa.page.locator("label", has_text="Thôn Tây Sơn").tap()
        tap(hoa, "Tiếp: chọn giờ phát")
        hoa.page.locator("label", has_text="Giờ khác").tap()
        hoa.page.locator("[name=day]").fill(time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 3600)))
        hoa.page.locator("[name=hour]").fill("00:00")
        tap(hoa, "Gửi duyệt")
        hoa.show("too-early")

        assert "Giờ này đã qua" in hoa.text
    key = row_of(house, title)["id"]
    with officer(house, "draft-with-scripts") as hoa:
        hoa.go(f"/compose/{key}/when")
        hoa.page.locator("label", has_text="Giờ khác").tap()
        hoa.page.locator("[name=hour]").fill("00:00")
        tap(hoa, "Gửi duyệt")
        hoa.show("too-early", look=True)

        assert "Giờ này đã qua" in hoa.text
        assert hoa.page.locator("[value=at]").is_checked()
    assert row_of(house, title)["state"] == "draft"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_an_edit_on_an_older_page_replaces_nothing_and_leads_to_the_newest(house: House, scripts: bool) -> None:
    title = f"Sửa ở hai nơi {scripts}"
    with officer(house, f"older-page-{scripts}", scripts=scripts) as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Gõ chữ, máy đọc", leads=False)
        hoa.fill(text="Mời bà con đi họp thôn tối mai.", title=title)
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        key = row_of(house, title)["id"]
        hoa.go(f"/compose/{key}")
        with _acting_for(house.system, "Hoa") as api:
            row = api.get(f"/bulletins/{key}")
            api.put(f"/bulletins/{key}", {"document": row["document"], "expected_revision": row["revision"]})
        hoa.fill(text="Mời bà con đi họp thôn tối thứ bảy.")
        newest = hoa.page.locator("a", has_text="Mở bản mới nhất")
        for _ in range(2):
            tap(hoa, "Tiếp: nghe lại, chọn nơi phát", leads=not scripts)
            expect(newest).to_have_count(1)
            expect(hoa.page.locator("[name=text]")).to_have_value("Mời bà con đi họp thôn tối thứ bảy.")
        hoa.show("moved-on", look=scripts)

        assert newest.get_attribute("href") == f"/compose/{key}"
        assert row_of(house, title)["revision"] == row["revision"] + 1
        hoa.faults.clear()


def test_who_may_approve_his_own_puts_it_on_the_air_and_takes_it_back(house: House) -> None:
    title = "Phát không chờ duyệt"
    body = {"self_approval": True, "why": "Quy chế của xã"}
    with _acting_for(house.system, "Quang") as quang:
        quang.put(f"/units/{COMMUNE}/bulletin-rules", body)
    with officer(house, "published", "khanh") as khanh:
        sent = Sent(khanh.page)
        tap(khanh, "Soạn bản tin")
        tap(khanh, "Gõ chữ, máy đọc", leads=False)
        khanh.fill(text="Loa xã thông báo.", title=title)
        tap(khanh, "Tiếp: nghe lại, chọn nơi phát")
        tap(khanh, "Tiếp: chọn giờ phát")
        khanh.show("when", look=True)
        tap(khanh, "Duyệt và phát")
        khanh.show("published", look=True)
        assert len(sent.forms) == 3
        assert "Đã duyệt" in khanh.text
        assert row_of(house, title)["state"] == "approved"

        tap(khanh, "Đổi nơi, giờ phát")
        khanh.page.locator("label", has_text="Xã Đông Hải").tap()
        khanh.page.locator("label", has_text="Thôn Tây Sơn").tap()
        tap(khanh, "Tiếp: chọn giờ phát")
        assert {one["state"] for one in row_of(house, title)["placements"] if one["scopes"]} <= {"withdrawn"}
        tap(khanh, "Lưu")
        khanh.show("moved", look=True)
        assert "Thôn Tây Sơn" in khanh.text

        khanh.page.locator("summary", has_text="Thu hồi bản tin").tap()
        khanh.fill(why="Sai giờ họp")
        khanh.show("withdraw", look=True)
        tap(khanh, "Thu hồi ngay")
        khanh.show("withdrawn", look=True)
        assert "Đã thu hồi" in khanh.text
        assert "Sai giờ họp" in khanh.text

        tap(khanh, "Soạn lại và gửi lại")
        assert "Loa xã thông báo." in khanh.page.locator("[name=text]").input_value()
    assert row_of(house, title)["state"] == "withdrawn"


def test_a_contributor_writes_and_sends_without_choosing_a_place(house: House) -> None:
    title = "Cộng tác viên viết"
    with officer(house, "contributor", "vinh", scripts=False) as vinh:
        tap(vinh, "Soạn bản tin")
        tap(vinh, "Gõ chữ, máy đọc", leads=False)
        vinh.fill(text="Tin từ thôn.", title=title)
        tap(vinh, "Tiếp: nghe lại")
        assert "Người phụ trách đài sẽ chọn nơi" in vinh.text
        tap(vinh, "Tiếp: gửi duyệt")
        tap(vinh, "Gửi duyệt")
        vinh.show("sent")

        assert "Đã gửi duyệt" in vinh.text
    assert row_of(house, title)["state"] == "in_review"


def test_lists_show_whose_they_are_and_find_words_without_accents(house: House) -> None:
    with officer(house, "lists") as hoa:
        hoa.go("/bulletins")
        hoa.show("mine", look=True)
        mine = hoa.page.locator("tbody tr").count()
        hoa.go("/bulletins?whose=all&q=cong tac vien")
        hoa.show("found")

        assert mine >= 1
        assert [re.sub(r"\s+", " ", one) for one in hoa.page.locator("tbody th").all_inner_texts()] == [
            "Cộng tác viên viết"
        ]


def test_pages_of_composing_are_light_narrow_and_accessible(house: House, tell: Callable[[str], None]) -> None:
    row = row_of(house, "Cộng tác viên viết")["id"]
    paths = (
        "/compose",
        "/bulletins",
        f"/bulletins/{row}",
        f"/compose/{row}",
        f"/compose/{row}/where",
        f"/compose/{row}/when",
    )
    narrow: dict[str, Any] = {
        "viewport": {"width": 320, "height": 640},
        "color_scheme": "dark",
        "reduced_motion": "reduce",
    }
    with officer(house, "narrow-and-dark", **narrow) as hoa:
        session = hoa.context.new_cdp_session(hoa.page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        sizes: list[float] = []
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        for path in paths:
            sizes.clear()
            hoa.go(path)
            hoa.page.wait_for_load_state("networkidle")
            weight = sum(sizes)
            hoa.show(path.strip("/").replace("/", "-")[-20:], look=True)
            tell(f"first visit of {path.replace(row, '…')}: {weight / 1000:.1f} kB")

            assert weight < 60_000


def test_going_on_while_one_speaks_keeps_what_was_said(house: House) -> None:
    with officer(house, "gone-on-while-recording") as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Thu âm", leads=False)
        hoa.fill(title="Đang nói thì bấm Tiếp")
        tap(hoa, "Bắt đầu thu", leads=False)
        expect(hoa.page.locator(".timer")).to_contain_text("0:03", timeout=20_000)
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        hoa.show("where")

        assert re.search(r"[2-6] giây", hoa.text)
    (variant,) = row_of(house, "Đang nói thì bấm Tiếp")["document"]["variants"]
    assert variant["audio_kind"] == "recording"


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
@pytest.mark.parametrize(
    ("way", "at", "told"),
    [
        ("Gõ chữ, máy đọc", "text", "Chưa có nội dung"),
        ("Thu âm", "recording", "Chưa có bản thu"),
        ("Tải tệp lên", "file", "Chưa có tệp"),
    ],
    ids=["typed", "recorded", "uploaded"],
)
def test_an_empty_form_makes_no_draft_and_says_what_is_missing(
    house: House, scripts: bool, way: str, at: str, told: str
) -> None:
    before = {one["id"] for one in house.system.client.get("/bulletins")}
    with officer(house, f"empty-{at}-{'with' if scripts else 'without'}-scripts", scripts=scripts) as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, way, leads=False)
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát", leads=not scripts)
        fault = hoa.page.locator(f"#f-{at}-error")
        expect(fault).to_contain_text(told)
        hoa.show("told", look=scripts)

        assert hoa.page.url.endswith("/compose")
        if scripts and at == "text":
            expect(hoa.page.locator("[name=text]")).to_be_focused()
            hoa.fill(text="Mời bà con họp.")
            expect(fault).to_be_empty()
    assert {one["id"] for one in house.system.client.get("/bulletins")} == before


def test_a_title_that_nobody_wrote_follows_the_text_and_a_written_one_stays(house: House) -> None:
    with officer(house, "title-follows", scripts=False) as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Gõ chữ, máy đọc", leads=False)
        hoa.fill(text="Họp thôn lúc 19h thứ Hai. Mời bà con.")
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        expect(hoa.page.locator("h1")).to_have_text("Họp thôn lúc 19h thứ Hai")
        tap(hoa, "Sửa nội dung")
        hoa.fill(text="Họp thôn lúc 20h thứ Ba. Mời bà con.")
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        expect(hoa.page.locator("h1")).to_have_text("Họp thôn lúc 20h thứ Ba")
        tap(hoa, "Sửa nội dung")
        hoa.fill(title="Họp bất thường")
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        tap(hoa, "Sửa nội dung")
        hoa.fill(text="Họp thôn lúc 21h.")
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")

        expect(hoa.page.locator("h1")).to_have_text("Họp bất thường")


@pytest.mark.parametrize("width", [320, 360])
def test_another_day_and_its_hour_have_room_on_a_phone(house: House, width: int) -> None:
    key = drafted(house, f"Giờ khác {width}")
    with officer(house, f"other-time-{width}", viewport={"width": width, "height": 740}) as hoa:
        hoa.go(f"/compose/{key}/where")
        tap(hoa, "Tiếp: chọn giờ phát")
        tap(hoa, "Giờ khác", leads=False)
        day, hour = (hoa.page.locator(f"[name={name}]").bounding_box() for name in ("day", "hour"))
        hoa.show("other")

        assert day is not None
        assert hour is not None
        assert hour["y"] > day["y"] + day["height"]


def test_who_goes_back_to_the_first_step_revises_the_same_draft(house: House) -> None:
    title = "Quay lại bước một"
    with officer(house, "gone-back") as hoa:
        tap(hoa, "Soạn bản tin")
        tap(hoa, "Gõ chữ, máy đọc", leads=False)
        hoa.fill(text="Họp lúc 7h.", title=title)
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        hoa.page.go_back()
        expect(hoa.page.locator("[name=text]")).to_have_value("Họp lúc 7h.")
        assert hoa.page.locator("[name=bulletin]").count() == 1
        hoa.fill(text="Họp lúc 8h.")
        tap(hoa, "Tiếp: nghe lại, chọn nơi phát")
        assert "Họp lúc 8h." in hoa.text
        hoa.page.go_back()
        expect(hoa.page.locator("[name=text]")).to_have_value("Họp lúc 8h.")
    (found,) = house.system.client.get("/bulletins", {"q": title})
    assert found["state"] == "draft"
