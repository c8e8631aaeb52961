"""`loa schedule` against a real controller: a file is checked, foreseen, applied once, and comes back as it was."""

import io
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
import xlsxwriter
from click.testing import Result
from typer.testing import CliRunner

from controller.schedules.files import load_programme
from controller.schedules.sheets import template as sheet_template
from controller.schedules.sheets.columns import COLUMNS
from loa_cli import reporting
from loa_cli.commands import app
from loa_cli.provisioning import Bundle, make_key
from tests.acceptance.rig import COMMUNE, System, running

pytestmark = pytest.mark.broker

SCHEDULES = Path(str(files("schedules")))
LOWLAND = (SCHEDULES / "lowland-commune.yaml").read_text().replace("xa-an-binh\n", f"{COMMUNE}\n")
SMALL = f"""\
format: loa.programme.v1
id: PROGRAMME
title: Thử
unit: {COMMUNE}
valid_from: 2026-01-01
sessions:
  - id: sang
    title: Buổi sáng
    at: "05:00"
    segments:
      - {{kind: relay, title: Tiếp sóng, url: "https://relay.example/tinh", duration_s: 300}}
      - {{kind: bulletins, title: Bản tin, of: {COMMUNE}, max_duration_s: 300}}
"""

Loa = Callable[..., Result]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("system")) as system:
        yield system


@pytest.fixture
def loa(system: System, monkeypatch: pytest.MonkeyPatch) -> Loa:
    """Run a command of `loa schedule`; what it prints is on lines of any length."""
    monkeypatch.setattr(reporting.console, "_width", 400)
    monkeypatch.setattr(reporting.errors, "_width", 400)
    address = ["--data-dir", str(system.data_dir), "--url", system.client.url]

    def run(*arguments: object, offline: bool = False) -> Result:
        return CliRunner().invoke(app, ["schedule", *map(str, arguments), *([] if offline else address)])

    return run


def written(folder: Path, programme: str, text: str = SMALL) -> Path:
    path = folder / f"{programme}.yaml"
    path.write_text(text.replace("PROGRAMME", programme))
    return path


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def revision(system: System, programme: str) -> int:
    return int(system.client.get(f"/programmes/{programme}")["revision"])


def test_a_file_applied_twice_changes_nothing_the_second_time(loa: Loa, system: System, tmp_path: Path):
    path = written(tmp_path, "hai-lan")

    first, second = (answer(loa("apply", path, "--json")) for _ in range(2))

    assert (first["was"], first["revision"], first["changed"]) == (None, 1, True)
    assert (second["was"], second["revision"], second["changed"]) == (1, 1, False)
    assert second["effect"] == {"added": 0, "changed": 0, "withdrawn": 0, "devices": 0}
    assert "không có gì thay đổi (bản 1)" in loa("apply", path).output
    assert revision(system, "hai-lan") == 1


def test_what_has_begun_of_a_programme_is_listed_without_what_is_to_come(loa: Loa, system: System, tmp_path: Path):
    loa("apply", written(tmp_path, "da-phat"))
    everything = system.client.get("/broadcasts", {"programme": "da-phat"})
    middle = everything[5]["start"]

    begun = system.client.get("/broadcasts", {"programme": "da-phat", "until": middle})

    assert len(everything) > 10
    assert begun == everything[5:]
    listed = CliRunner().invoke(app, ["ledger", "--programme", "da-phat", "--json", "--data-dir", str(system.data_dir)])
    assert json.loads(listed.stdout) == []


def test_a_change_of_a_day_that_names_no_occurrence_is_told(loa: Loa, tmp_path: Path):
    changes = [f'  - {{session: sang, occurrence: "2099-01-05T05:{minute}", cancel: true}}' for minute in ("00", "01")]
    path = written(tmp_path, "lac", SMALL + "changes:\n" + "\n".join(changes) + "\n")

    foreseen, applied = loa("diff", path), loa("apply", path)

    for told in (foreseen.output, applied.output):
        assert "buổi sang lúc 2099-01-05T05:01 không có tác dụng" in told
        assert "2099-01-05T05:00 không" not in told


def test_a_diff_tells_what_an_apply_would_do_and_does_nothing(loa: Loa, system: System, tmp_path: Path):
    path = written(tmp_path, "xem-truoc")
    new = loa("diff", path)
    loa("apply", path)
    later = written(tmp_path, "xem-truoc", SMALL.replace("05:00", "05:15"))

    shown, plan = loa("diff", later), answer(loa("diff", later, "--json"))

    assert "xem-truoc: chương trình mới" in new.output
    assert '-    at: "05:00"' in shown.output
    assert '+    at: "05:15"' in shown.output
    assert "xem-truoc: đang ở bản 1" in shown.output
    assert (plan["was"], plan["new"]) == (1, False)
    assert plan["effect"]["withdrawn"] == plan["effect"]["added"] > 10  # an occurrence is named by when it begins
    assert {one["what"] for one in plan["touches"]} == {"added", "withdrawn"}
    assert revision(system, "xem-truoc") == 1


def test_what_is_exported_changes_nothing_when_it_is_applied(loa: Loa, system: System, tmp_path: Path):
    path = tmp_path / "lowland.yaml"
    path.write_text(LOWLAND)
    answer(loa("apply", path, "--json"))
    change = {"session": "buoi-sang", "occurrence": "2099-01-05T05:00", "cancel": True, "note": "Tết"}
    body = {"change": change, "expected_revision": 1}
    system.client.post("/programmes/xa-an-binh-hang-ngay/changes", body)

    told = loa("export", "xa-an-binh-hang-ngay", tmp_path / "out.yaml")
    plan, applied = loa("diff", tmp_path / "out.yaml"), answer(loa("apply", tmp_path / "out.yaml", "--json"))
    again = loa("export", "xa-an-binh-hang-ngay")

    assert "chú thích của tệp gốc không được lưu" in told.output
    assert "Không có gì thay đổi." in plan.output
    assert (applied["revision"], applied["changed"]) == (2, False)
    assert again.stdout == (tmp_path / "out.yaml").read_text()
    exported = load_programme(tmp_path / "out.yaml")
    assert exported.sessions == load_programme(path).sessions
    assert [one.occurrence for one in exported.changes] == ["2099-01-05T05:00"]


def test_a_file_that_says_nothing_of_single_days_leaves_their_changes(loa: Loa, system: System, tmp_path: Path):
    path = written(tmp_path, "mot-ngay")
    loa("apply", path)
    change = {"session": "sang", "occurrence": "2099-01-05T05:00", "cancel": True}
    system.client.post("/programmes/mot-ngay/changes", {"change": change, "expected_revision": 1})

    kept = answer(loa("apply", path, "--json"))
    path.write_text(path.read_text() + "changes: []\n")
    taken = answer(loa("apply", path, "--json"))

    assert (kept["changed"], kept["revision"]) == (False, 2)
    assert (taken["changed"], taken["revision"]) == (True, 3)
    assert "changes" not in system.client.get("/programmes/mot-ngay")["document"]


def test_who_decided_upon_an_older_revision_is_told_and_changes_nothing(loa: Loa, system: System, tmp_path: Path):
    path = written(tmp_path, "hai-nguoi")
    loa("apply", path)
    loa("apply", written(tmp_path, "hai-nguoi", SMALL.replace("05:00", "05:30")))

    refused = loa("apply", written(tmp_path, "hai-nguoi", SMALL.replace("05:00", "06:00")), "--expect", 1)

    assert refused.exit_code == 1
    assert "programme_moved_on" in refused.output
    assert "người khác vừa sửa chương trình hai-nguoi; chưa thay đổi gì" in refused.output
    assert revision(system, "hai-nguoi") == 2


def test_an_apply_from_a_later_day_leaves_today_as_it_is(loa: Loa, system: System, tmp_path: Path):
    loa("apply", written(tmp_path, "tu-ngay"))
    later = written(tmp_path, "tu-ngay", SMALL.replace("05:00", "05:45"))

    answer(loa("apply", later, "--from", "01/12/2098", "--note", "mùa đông", "--json"))
    same = answer(loa("apply", later, "--from", "2098-12-01", "--json"))

    assert same["changed"] is False
    document = system.client.get("/programmes/tu-ngay")["document"]
    assert document["sessions"][0]["at"] == "05:00"
    future = loa("export", "tu-ngay", "--on", "2098-12-01").stdout
    assert 'at: "05:45"' in future
    history = loa("history", "tu-ngay").output
    assert "cả chương trình, từ 01/12/2098" in history
    assert "mùa đông" in history
    assert [row["revision"] for row in answer(loa("history", "tu-ngay", "--json"))] == [2, 1]


def test_programmes_are_listed(loa: Loa, tmp_path: Path):
    loa("apply", written(tmp_path, "liet-ke"))

    assert "liet-ke" in loa("list", "--unit", COMMUNE).output
    assert "liet-ke" in [row["id"] for row in answer(loa("list", "--json"))]
    assert answer(loa("list", "--unit", "tinh", "--json")) == []


def test_a_wrong_file_reaches_no_controller(loa: Loa, tmp_path: Path):
    path = written(tmp_path, "sai", SMALL.replace("05:00", "5h"))

    for command in ("apply", "diff"):
        refused = loa(command, path, "--url", "http://127.0.0.1:9", offline=True)

        assert refused.exit_code == 1
        assert "dòng 9, sessions[0].at" in refused.output


def test_what_only_the_controller_knows_is_told_too(loa: Loa, tmp_path: Path):
    path = written(tmp_path, "la", SMALL.replace(f"unit: {COMMUNE}", "unit: xa-la"))

    for command in ("apply", "diff"):
        refused = loa(command, path)

        assert refused.exit_code == 1
        assert "programme_invalid: chưa thay đổi gì." in refused.output
        assert f"{path}, dòng 4, unit: không có đơn vị xa-la [unit_unknown]" in refused.output


def test_rules_of_the_air_are_told_with_the_nearest_times(loa: Loa, system: System, tmp_path: Path):
    unit = {"id": "phuong", "name": "Phường", "kind": "commune", "parent_id": "tinh"}
    system.client.post("/units", unit)
    device = {"id": "loa-phuong", "name": "Loa", "kind": "speaker", "unit_id": "phuong"}
    key = make_key(Bundle(tmp_path / "loa"))
    system.client.post("/devices", {**device, "public_key": key, "profile": "demo-speaker"})
    policy = (SCHEDULES / "urban-ward.policy.yaml").read_text().replace("u-phuong-an-phu", "u-phuong")
    (tmp_path / "policy.yaml").write_text(policy)
    to = ["--data-dir", system.data_dir, "--url", system.client.url]
    assert CliRunner().invoke(app, ["policy", "set", *map(str, [tmp_path / "policy.yaml", *to])]).exit_code == 0

    ward = (SCHEDULES / "urban-ward.yaml").read_text().replace("phuong-an-phu", "phuong")
    fine = loa("apply", written(tmp_path, "phuong-tuan", ward))
    early = loa("apply", written(tmp_path, "phuong-som", SMALL.replace(COMMUNE, "phuong")))

    assert fine.exit_code == 0, fine.output
    assert early.exit_code == 1
    assert "policy_violated: chưa thay đổi gì." in early.output
    assert "phuong-som" not in [row["id"] for row in system.client.get("/programmes")]


def test_checks_need_no_controller_and_speak_both_languages(loa: Loa, tmp_path: Path):
    good, wrong = written(tmp_path, "dung"), written(tmp_path, "sai", SMALL.replace("05:00", "5h"))

    fine = loa("check", good, SCHEDULES / "typhoon-campaign.yaml", offline=True)
    vi, en = (loa("check", good, wrong, "--lang", lang, offline=True) for lang in ("vi", "en"))
    data = loa("check", good, wrong, "--json", offline=True)

    assert fine.exit_code == 0
    assert (vi.exit_code, en.exit_code, data.exit_code) == (1, 1, 1)
    assert f"{wrong}, dòng 9, sessions[0].at: “5h” không đúng dạng" in vi.output
    assert f"{wrong}, line 9, sessions[0].at: “5h”: write hours" in en.output
    (fault,) = json.loads(data.stdout)["faults"]
    assert (fault["line"], fault["code"]) == (9, "form_wrong")
    assert [one["id"] for one in json.loads(data.stdout)["good"]] == ["dung"]


def test_a_filled_template_is_foreseen_and_put_in_place(loa: Loa, system: System, tmp_path: Path):
    empty, path = tmp_path / "mau.xlsx", tmp_path / "lich.xlsx"
    assert loa("template", empty, offline=True).exit_code == 0
    assert loa("template", empty, offline=True).exit_code == 2
    path.write_bytes(filled(".xlsx"))
    to = ["--unit", COMMUNE, "--id", "tu-bang"]

    unfilled = loa("import", empty, *to)
    dry = loa("import", path, *to, "--dry-run")
    before = [row["id"] for row in system.client.get("/programmes")]
    done, again = (answer(loa("import", path, *to, "--title", "Từ bảng", "--json")) for _ in range(2))

    assert unfilled.exit_code == 1
    assert "chưa có buổi phát nào" in unfilled.output
    assert "Nhập thử: chưa thay đổi gì." in dry.output
    assert "chương trình mới" in dry.output
    assert "tu-bang" not in before
    assert (done["changed"], done["revision"], again["changed"]) == (True, 1, False)
    view = system.client.get("/programmes/tu-bang")
    assert (view["title"], [one["at"] for one in view["document"]["sessions"]]) == ("Từ bảng", ["05:00", "18:45"])


def test_a_table_with_one_wrong_row_changes_nothing(loa: Loa, system: System, tmp_path: Path):
    path = tmp_path / "sai.csv"
    path.write_bytes(filled(".csv").replace(b"18h45", "18 rưỡi".encode()))

    refused = loa("import", path, "--unit", COMMUNE, "--id", "bang-sai")

    assert refused.exit_code == 1
    assert "dòng 5, cột “Giờ” (C): “18 rưỡi” không phải là giờ; viết 5h" in refused.output
    assert "bang-sai" not in [row["id"] for row in system.client.get("/programmes")]


def test_a_table_becomes_a_file_without_a_controller(loa: Loa, tmp_path: Path):
    path = tmp_path / "lich.csv"
    path.write_bytes(filled(".csv"))

    made = loa("import", path, "--unit", COMMUNE, "--id", "bang", "--yaml", tmp_path / "ra.yaml", offline=True)

    assert made.exit_code == 0, made.output
    assert loa("check", tmp_path / "ra.yaml", offline=True).exit_code == 0


def test_a_programme_goes_through_a_calendar_file_and_comes_back(loa: Loa, system: System, tmp_path: Path):
    path = tmp_path / "lowland.yaml"
    path.write_text(LOWLAND.replace("xa-an-binh-hang-ngay", "qua-lich"))
    answer(loa("apply", path, "--json"))

    exported = loa("ical", "export", "qua-lich", tmp_path / "lich.ics")
    dry, back = loa("ical", "import", tmp_path / "lich.ics", "--dry-run"), loa("ical", "import", tmp_path / "lich.ics")

    assert exported.exit_code == 0, exported.output
    assert (tmp_path / "lich.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    assert "Không có gì thay đổi." in dry.output
    assert "qua-lich: không có gì thay đổi (bản 1)" in back.output
    assert revision(system, "qua-lich") == 1


FOREIGN = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//somebody//else//EN
BEGIN:VEVENT
UID:1@example
DTSTAMP:20261101T000000Z
DTSTART;TZID=Asia/Ho_Chi_Minh:20261201T050000
DURATION:PT10M
RRULE:FREQ=WEEKLY;BYDAY=MO,FR
SUMMARY:Buổi sáng
END:VEVENT
END:VCALENDAR
"""


def test_somebodys_calendar_becomes_a_programme(loa: Loa, system: System, tmp_path: Path):
    path = tmp_path / "khac.ics"
    path.write_bytes(FOREIGN.replace("\n", "\r\n").encode())
    (tmp_path / "rong.ics").write_bytes(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n")
    to = ["--id", "tu-lich", "--unit", COMMUNE]

    nameless = loa("ical", "import", path)
    empty = loa("ical", "import", tmp_path / "rong.ics", *to)
    done = answer(loa("ical", "import", path, *to, "--json"))

    assert nameless.exit_code == 2
    assert empty.exit_code == 1
    assert done["changed"] is True
    (session,) = system.client.get("/programmes/tu-lich?on=2026-12-01")["document"]["sessions"]
    assert (session["at"], session["title"]) == ("05:00", "Buổi sáng")
    assert session["segments"][0]["of"] == COMMUNE


def test_tables_go_over_http_too(system: System):
    with httpx.Client(base_url=f"{system.client.url}/api/v1", headers=system.client._http.headers) as http:
        query = {"id": "bang-http", "unit": COMMUNE, "from": "2026-12-01"}

        read = http.post("/programmes/sheet", params=query, files={"file": ("lich.xlsx", filled(".xlsx"))})
        bare = http.post("/programmes/sheet", params=query, content=filled(".csv"))
        wrong = http.post("/programmes/sheet", params=query, content=filled(".csv").replace(b"5h", b"5x", 1))
        large = http.post("/programmes/sheet", params=query, content=b"x" * 3_000_000)
        template, table = http.get("/programmes/sheet-template"), http.get("/programmes/sheet-template?format=csv")

    assert read.status_code == 200, read.text
    assert read.json() == bare.json()
    assert (read.json()["revision"], read.json()["examples"]) == (None, [])
    document = read.json()["document"]
    assert (document["valid_from"], [one["id"] for one in document["sessions"]]) == (
        "2026-12-01", ["buoi-sang", "ram-va-mung-mot"],
    )  # fmt: skip
    assert (wrong.status_code, wrong.json()["code"]) == (422, "sheet_invalid")
    assert {fault["row"] for fault in wrong.json()["details"]["faults"]} == {2}
    assert (large.status_code, large.json()["code"]) == (422, "workbook_refused")
    assert template.content.startswith(b"PK")
    assert "lich" in template.headers["content-disposition"]
    assert table.content == sheet_template.as_csv()


def filled(suffix: str) -> bytes:
    """The example rows as somebody's own: without the note that has them passed over, and to places that there are."""
    rows = [[column.examples[at] if column.key not in {"note", "to"} else "" for column in COLUMNS] for at in range(5)]
    if suffix == ".csv":
        lines = sheet_template.as_csv().decode("utf-8-sig").splitlines()[:1] + [";".join(row) for row in rows]
        return "\r\n".join(lines).encode("utf-8-sig")
    kept = io.BytesIO()
    book = xlsxwriter.Workbook(kept, {"in_memory": True, "strings_to_urls": False})
    sheet = book.add_worksheet("Lịch phát")
    for number, row in enumerate([[column.header for column in COLUMNS], *rows]):
        sheet.write_row(number, 0, row)
    book.close()
    return kept.getvalue()
