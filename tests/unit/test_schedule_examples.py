"""The programmes in schedules/ are real ones: they can be read, and a month of each is what its comments say."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from controller.policies.document import PolicyFile, as_policy
from controller.policies.document import faults as policy_faults
from controller.schedules.files import load_programme, read_programme, write_programme
from controller.schedules.programme import BulletinsSegment, ChimeSegment, PauseSegment, RelaySegment
from controller.schedules.rules import Occurrence, expand, series_of
from controller.schedules.sessions import longest_ms
from loa_protocol import hand_written
from loa_protocol.policy import Meter, merge

SCHEDULES = Path(str(files("schedules")))
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
MINUTE_MS = 60_000
EXAMPLES = ("lowland-commune", "highland-commune", "urban-ward", "typhoon-campaign", "demo-commune")


def example(name: str):
    return load_programme(SCHEDULES / f"{name}.yaml")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_can_be_read_and_written(name: str):
    programme = example(name)

    assert read_programme(write_programme(programme)) == programme


@pytest.mark.parametrize("name", EXAMPLES)
def test_addresses_of_examples_are_placeholders_that_answer_nothing(name: str):
    relays = [part for one in example(name).sessions for part in one.segments if isinstance(part, RelaySegment)]

    assert all(relay.url.startswith("https://relay.example/") for relay in relays)  # RFC 2606
    assert "placeholder" in (SCHEDULES / f"{name}.yaml").read_text() or not relays


def test_a_session_goes_from_the_nation_to_the_province_to_the_commune():
    morning, *_ = example("lowland-commune").sessions

    kinds = [type(segment) for segment in morning.segments]
    assert kinds == [ChimeSegment, RelaySegment, RelaySegment, PauseSegment, BulletinsSegment]
    titles = [segment.title for segment in morning.segments if isinstance(segment, RelaySegment)]
    assert titles == ["Tiếp sóng Đài Tiếng nói Việt Nam (VOV1)", "Tiếp sóng đài phát thanh tỉnh"]


def month_of(name: str, year: int, month: int) -> list[Occurrence]:
    begin, end = (datetime(year + (at > 12), (at - 1) % 12 + 1, 1, tzinfo=VIETNAM) for at in (month, month + 1))
    return expand(series_of(example(name)), begin.astimezone(UTC), end.astimezone(UTC))


def days_of(occurrences: list[Occurrence], session: str) -> list[int]:
    return [one.start.astimezone(VIETNAM).day for one in occurrences if one.session.id == session]


def test_the_lowland_commune_has_its_mornings_its_afternoons_and_its_lunar_days():
    november = month_of("lowland-commune", 2026, 11)

    sundays = [1, 8, 15, 22, 29]
    assert days_of(november, "buoi-sang") == list(range(1, 31))
    assert days_of(november, "chieu-chu-nhat") == sundays
    assert days_of(november, "buoi-chieu") == [day for day in range(1, 31) if day not in sundays]
    assert days_of(november, "mung-mot-va-ram") == [9, 23]  # the first and the fifteenth of the tenth lunar month
    assert november[0].start == datetime(2026, 10, 31, 22, tzinfo=UTC)  # 05:00 in Vietnam


def test_no_session_of_the_lowland_commune_exceeds_45_minutes():
    assert max(longest_ms(session) for session in example("lowland-commune").sessions) <= 45 * MINUTE_MS
    assert longest_ms(example("lowland-commune").sessions[0]) == 45 * MINUTE_MS


def test_the_highland_commune_speaks_three_languages_each_to_its_own_villages():
    programme, february = example("highland-commune"), month_of("highland-commune", 2027, 2)

    spoken = {one.languages: one.to for one in programme.sessions if one.languages}
    assert spoken == {("vi",): (), ("hmn",): ("g-ban-tieng-mong",), ("tyz",): ("g-ban-tieng-tay",)}
    for session in programme.sessions[:6]:
        assert days_of(february, session.id) == list(range(1, 29))
    assert days_of(february, "cho-phien") == [14, 21, 28]  # Sunday the 7th is the second day of Tết


def test_the_urban_ward_keeps_its_own_rules_of_the_air():
    written = hand_written.read((SCHEDULES / "urban-ward.policy.yaml").read_text(), PolicyFile)
    assert policy_faults(written) == []
    policy = merge([as_policy(written.scope, written)])
    meter = Meter(policy)

    april = month_of("urban-ward", 2027, 4)

    weekdays = [day for day in range(1, 31) if datetime(2027, 4, day, tzinfo=VIETNAM).weekday() < 5]
    holidays = [16, 30]  # the death day of the Hùng kings (10th of the 3rd lunar month), and Reunification Day
    assert days_of(april, "buoi-sang") == days_of(april, "buoi-chieu") == [d for d in weekdays if d not in holidays]
    for one in april:
        end = one.start + timedelta(milliseconds=longest_ms(one.session))
        assert end - one.start <= timedelta(minutes=15)
        assert policy.allows(one.start, end) is None
        assert meter.violation(one.start, end) is None
        assert policy.volume_over(one.start, end, one.session.volume) == one.session.volume
        meter.add(one.start, end)


def test_the_rules_of_the_ward_refuse_what_the_lowland_commune_does():
    written = hand_written.read((SCHEDULES / "urban-ward.policy.yaml").read_text(), PolicyFile)
    policy = merge([as_policy(written.scope, written)])

    morning, *_ = month_of("lowland-commune", 2026, 11)

    assert policy.allows(morning.start, morning.start + timedelta(minutes=45)) is not None


def test_the_campaign_speaks_once_an_hour_by_day_and_only_as_long_as_the_typhoon():
    programme, september = example("typhoon-campaign"), month_of("typhoon-campaign", 2026, 9)

    days = range(26, 30)
    spoken = [one.start.astimezone(VIETNAM) for one in september]
    assert spoken == [datetime(2026, 9, day, hour, tzinfo=VIETNAM) for day in days for hour in range(7, 21)]
    (session,) = programme.sessions
    assert (session.level, session.volume) == ("priority", 100)
    assert month_of("typhoon-campaign", 2026, 10) == []
