"""Coming in, as people do it: the first start, an invitation, signing in with and without scripts, by keys alone."""

from collections.abc import Callable

from tests.browser.house import PASSWORD, App, Guest, House, take_in

GUESSED, WRONG = "matkhau123456", "không phải thế này đâu"
OVER = "http://127.0.0.1/invitation#loal_khong-con-dung"


def test_the_first_administrator_comes_in_by_the_printed_link_and_invites_an_officer(
    fresh: House, tell: Callable[[str], None]
) -> None:
    tell(f"pictures of the stories: {fresh.pictures}")
    with fresh.guest("first-start") as first:
        first.go(fresh.set_up_link)
        assert "#" not in first.page.url
        first.show("link")
        first.fill(unit_name="Xã An Bình", name="Trần Văn Tú", sign_in_name="tran-tu", password=GUESSED)
        first.press("Tạo và vào hệ thống")
        first.show("easily-guessed")
        assert first.page.locator("[name=unit_name]").input_value() == "Xã An Bình"
        assert first.page.locator("[name=password]").input_value() == ""
        first.fill(password=PASSWORD)
        first.press("Tạo và vào hệ thống")
        first.show("in")
        assert "cần hai lớp xác thực" in first.text

        first.follow("Thêm lớp thứ hai ngay")
        first.press("Thêm ứng dụng xác thực")
        first.show("authenticator", look=True)
        first.page.locator("summary").click()
        secret = first.page.locator("code.secret").inner_text()
        first.fill(code="000000")
        first.press("Xong")
        assert "Mã không đúng" in first.text
        assert first.page.locator("svg.qr").is_visible()
        first.show("wrong-code", look=True)
        first.fill(code=App(secret).code())
        first.press("Xong")
        first.show("recovery-codes", look=True)
        assert first.page.locator(".codes li").count() == 10
        first.press("Tôi đã ghi lại")
        first.show("account")

        link = _invited(first)

    with fresh.guest("invited") as officer:
        officer.go(link.replace(link.split("/invitation")[0], fresh.url))
        officer.show("link")
        officer.fill(password=PASSWORD)
        officer.press("Đặt mật khẩu và vào")
        officer.show("in")

        assert officer.page.locator("h1").inner_text().startswith("Hôm nay")
        assert officer.page.get_by_role("link", name="Quản trị").count() == 0


def _invited(first: Guest) -> str:
    """An officer with a role; gives the link, and the audit tells who did it."""
    first.follow("Quản trị")
    first.follow("Người dùng")
    first.press("Thêm người")
    first.fill(name="Nguyễn Thị Lan", email="lan@example.vn")
    first.press("Thêm")
    first.press("Giao")
    first.show("role-given")
    first.press("Tạo liên kết mời")
    first.show("invitation", look=True)
    link = first.page.locator("#link").input_value()
    first.follow("Quản trị")
    first.follow("Nhật ký")
    first.show("audit")
    assert "Trần Văn Tú" in first.text
    return link


def test_a_link_is_pasted_where_scripts_do_not_run(house: House) -> None:
    with house.guest("no-scripts-link", scripts=False) as officer:
        officer.go("/invitation")
        officer.fill(secret=OVER, password=PASSWORD)
        officer.press("Đặt mật khẩu và vào")
        officer.show("link-over")

        assert "liên kết này đã dùng" in officer.text.lower()


def test_a_wrong_password_keeps_the_name_and_says_so(house: House) -> None:
    with house.guest("wrong-password", scripts=False) as lan:
        lan.go("/sign-in")
        lan.fill(name="lan", password=WRONG)
        lan.press("Đăng nhập")
        lan.show("refused")

        assert "không đúng" in lan.text
        assert lan.page.locator("[name=name]").input_value() == "lan"
        assert lan.page.locator("[name=password]").input_value() == ""


def test_a_session_that_ended_leads_back_to_the_page(house: House) -> None:
    take_in(house.system, "het-phien", "operator")
    with house.guest("session-ended", phone=False, scripts=False) as lan:
        lan.context.add_cookies([{"name": "loa", "value": "loas_het-han", "url": house.url}])
        lan.go("/account")
        assert "Phiên đăng nhập đã hết" in lan.text
        lan.show("over")
        lan.fill(name="het-phien", password=PASSWORD)
        lan.press("Đăng nhập")

        assert lan.page.url == f"{house.url}/account"
        lan.press("Đăng xuất")
        assert "Bạn đã đăng xuất" in lan.text
        lan.go("/sign-in?next=//example.com/")
        assert lan.page.locator("[name=next]").last.input_value() == "/"


def test_keys_alone_sign_in_and_out(house: House) -> None:
    with house.guest("keys-alone", phone=False) as hung:
        hung.enter("hung")
        hung.context.clear_cookies()
        hung.go("/sign-in")
        keys = hung.page.keyboard
        _tab_to(hung.page, "[name=name]")
        keys.type("hung")
        keys.press("Tab")
        keys.type(PASSWORD)
        hung.lead(lambda: keys.press("Enter"))
        hung.show("code")
        keys.type(house.apps["hung"].code())
        hung.lead(lambda: keys.press("Enter"))
        hung.show("in")

        assert hung.page.locator("h1").inner_text().startswith("Hôm nay")
        _tab_to(hung.page, ".who button")
        hung.lead(lambda: keys.press("Enter"))
        assert "Bạn đã đăng xuất" in hung.text


def test_a_passkey_is_added_and_signs_in(house: House) -> None:
    take_in(house.system, "thuy", "operator")
    with house.guest("passkey") as thu:
        virtual = thu.context.new_cdp_session(thu.page)
        virtual.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        virtual.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        at_localhost = house.url.replace("127.0.0.1", "localhost")
        thu.sign_in("thuy", at=f"{at_localhost}/account")
        thu.go(f"{at_localhost}/account")
        thu.press("Thêm khóa truy cập trên máy này")
        thu.show("added")
        assert "Khóa của Thuy" in thu.text
        thu.press("Đăng xuất")
        thu.press("Đăng nhập bằng khóa truy cập")
        thu.show("in")

        assert thu.page.locator("h1").inner_text().startswith("Hôm nay")


def test_plain_http_says_why_there_is_no_passkey_and_no_microphone(house: House) -> None:
    with house.guest("plain-http") as lan:
        lan.go(f"http://loa.test:{house.system.http_port}/sign-in")
        lan.show("told")

        assert "không cho dùng micrô" in lan.text
        assert lan.page.locator("loa-passkey button").count() == 0
        lan.go("/sign-in")
        assert "micrô" not in lan.text


def _tab_to(page: object, wanted: str) -> None:
    for _ in range(25):
        page.keyboard.press("Tab")  # type: ignore[attr-defined]
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):  # type: ignore[attr-defined]
            return
    raise AssertionError(f"keys do not reach {wanted}")
