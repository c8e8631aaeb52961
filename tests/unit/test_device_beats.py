"""How a device was by the quarter of an hour, and what of its reports is an alarm."""

from datetime import UTC, date, datetime, timedelta

from controller.delivery.tables import DocumentRow, SentCommand
from controller.devices import beats, names
from controller.devices.beats import Alarm
from controller.devices.condition_routes import _became
from controller.devices.volumes import is_applied, own_cap, with_cap
from controller.policies.document import Rules, VolumeCap
from controller.web import policy_words
from controller.web.devices import bars
from controller.web.keys import groups
from controller.web.translating import Language, tongues

T0 = datetime(2026, 11, 21, 5, 7, tzinfo=UTC)
WELL = {"ready": True, "clock": {"state": "trusted"}}
VI = tongues()[Language.VI]


def test_what_is_wrong_is_read_off_state_figures_and_self_diagnosis() -> None:
    assert beats.alarms({}, {}) == Alarm(0)
    assert beats.alarms(WELL, {"temperature_c": 47.0}) == Alarm(0)
    assert beats.alarms({**WELL, "ready": False}, {}) == Alarm.CONTENT
    assert beats.alarms({"clock": {"state": "untrusted"}}, {}) == Alarm.CLOCK
    assert beats.alarms(WELL, {"temperature_c": 80.0, "faults": {"disk_low": "…", "new one": "…"}}) == (
        Alarm.HOT | Alarm.DISK
    )
    assert beats.names(Alarm.HOT | Alarm.DISK) == ["disk_low", "hot"]


def test_a_day_of_slots_becomes_stretches() -> None:
    last = beats.slot_of(T0)
    days: dict[date, bytes] = {}
    for slot in range(last - 9, last + 1):
        day = beats.day_of(slot)
        beat = 0 if slot in {last - 5, last - 4} else beats.HEARD | (Alarm.HOT if slot == last else 0)
        days[day] = beats.noted(days.get(day, b""), slot, beat)

    found = beats.stretches(days, last - 9, last, last - 7)

    assert [(one.state, (one.end - one.begin) / beats.SLOT) for one in found] == [
        ("heard", 2),
        ("silent", 2),
        ("heard", 3),
        ("faulty", 1),
    ]
    assert found[-1].alarms == ("hot",)
    assert found[-1].begin == datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
    assert beats.share(found) == 0.75
    assert beats.share([]) is None


def test_a_slot_past_midnight_is_of_the_next_day() -> None:
    before = beats.slot_of(datetime(2026, 11, 21, 23, 59, tzinfo=UTC))

    assert (beats.day_of(before), beats.day_of(before + 1)) == (date(2026, 11, 21), date(2026, 11, 22))
    assert beats.begin_of(before + 1) == datetime(2026, 11, 22, tzinfo=UTC)


def test_bars_fill_the_strip_in_proportion() -> None:
    hour = timedelta(hours=1)
    told = {
        "begin": T0.isoformat(),
        "end": (T0 + 4 * hour).isoformat(),
        "stretches": [{"begin": (T0 + hour).isoformat(), "end": (T0 + 3 * hour).isoformat(), "state": "silent"}],
    }

    assert bars(told) == [{"state": "silent", "x": 250.0, "width": 500.0}]


def test_names_are_ordered_by_their_numbers_and_found_without_accents() -> None:
    listed = sorted(["Cụm loa 10", "Cụm loa 2", "Bảng tin"], key=names.sort_key)

    assert listed == ["Bảng tin", "Cụm loa 2", "Cụm loa 10"]
    assert names.searched("Ấp Đông") == " ap dong"


def test_a_cap_for_the_whole_day_is_the_devices_own_and_others_stay() -> None:
    night = VolumeCap(from_="21:00", to="05:00", volume=30)
    rules = with_cap(Rules(volume_caps=(night,), minutes_a_day=45), 60)

    assert own_cap(rules) == 60
    assert own_cap(with_cap(rules, 70)) == 70
    assert with_cap(rules, None) == Rules(volume_caps=(night,), minutes_a_day=45)


def test_a_volume_is_applied_once_the_device_holds_what_was_signed_after_it_was_set() -> None:
    def signed(at: datetime, version: int) -> DocumentRow:
        return DocumentRow(topic="t", kind="policy", version=version, envelope=b"", issued=at, expires=at)

    milli = int(T0.timestamp() * 1000)
    earlier, later = signed(T0 - timedelta(hours=1), milli - 3_600_000), signed(T0 + timedelta(seconds=1), milli + 1000)

    assert not is_applied(T0, None, None)
    assert not is_applied(T0, earlier, earlier.version)
    assert not is_applied(T0, later, earlier.version)
    assert is_applied(T0, later, later.version)
    assert is_applied(T0, later, milli + 500)


def test_a_command_is_waiting_sent_done_refused_or_unanswered() -> None:
    late = T0 + timedelta(minutes=5)

    def row(**more: object) -> SentCommand:
        return SentCommand(id="c", device_id="d", name="test-tone", issued=T0, expires=late, **more)

    assert _became(row(), T0) == "waiting"
    assert _became(row(sent_at=T0), T0) == "sent"
    assert _became(row(sent_at=T0), late) == "unanswered"
    assert _became(row(answered_at=T0, code=""), late) == "done"
    assert _became(row(answered_at=T0, code="busy"), T0) == "refused"


def test_rules_are_told_in_sentences() -> None:
    rules = {
        "windows": [{"from": "05:00", "to": "07:00"}, {"from": "17:00", "to": "18:30", "weekdays": ["sat", "sun"]}],
        "minutes_a_day": 45,
        "slots_a_day": 2,
        "volume_caps": [{"from": "21:00", "to": "05:00", "volume": 30}],
        "blackouts": [{"from": "2026-12-01", "to": "2026-12-01", "title": "Quốc tang"}],
    }

    assert policy_words.sentences(rules, VI) == [
        "Chỉ được phát: 05:00–07:00 mọi ngày; 17:00–18:30 thứ Bảy, Chủ nhật.",
        "Mỗi ngày phát nhiều nhất 45 phút.",
        "Mỗi ngày nhiều nhất 2 buổi phát.",
        "Âm lượng to nhất 30 % từ 21:00 đến 05:00.",
        "Không phát ngày 01/12/2026 (Quốc tang).",
    ]
    assert policy_words.sentences({}, VI) == []


def test_a_form_becomes_the_rules_that_were_filled_in() -> None:
    form = {
        "w0_from": "05:00",
        "w0_to": "00:00",
        "w0_sat": "1",
        "w1_from": "",
        "c0_volume": "60",
        "b1_from": "2026-12-01",
        "minutes_a_day": "45",
        "slots_a_day": "",
        "note": " QĐ 12 ",
    }

    assert policy_words.document(form, {"zone": "Asia/Ho_Chi_Minh", "slot_gap_min": 15, "minutes_a_day": 3}) == {
        "zone": "Asia/Ho_Chi_Minh",
        "slot_gap_min": 15,
        "minutes_a_day": 45,
        "windows": [{"from": "05:00", "to": "24:00", "weekdays": ["sat"]}],
        "volume_caps": [{"from": "00:00", "to": "24:00", "volume": 60}],
        "blackouts": [{"from": "2026-12-01", "to": "2026-12-01"}],
        "note": "QĐ 12",
    }


def test_a_fingerprint_is_read_in_groups() -> None:
    assert groups("54157f04d9f85d72") == ["5415", "7f04", "d9f8", "5d72"]
