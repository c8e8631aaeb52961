"""Why something did, does or will not play, in a sentence for people: Vietnamese, and English.

Keys are the stable words of the timeline (`Verdict.because`) and, for what devices answered, `Reason`. `{by}` is the
title of what it lost to, `{whose}` names the unit whose rule decided, `{detail}` says more.
"""

from collections.abc import Sequence

from controller.policies.words import Sentence
from controller.units.languages import BY_CODE
from loa_protocol.documents.plan import Segment
from loa_protocol.spoken import languages_in, varies

HEARD = Sentence("Phát trọn vẹn.", "Played whole.")
COMING = Sentence("Sẽ phát.", "Will play.")
COMING_IN = Sentence("Sẽ phát bằng tiếng {vi}.", "Will play in {en}.")
COMING_FOR_ALL = Sentence(
    "Sẽ phát bản chung, vì không có bản tiếng {vi}.", "Will play what is for everybody: there is none in {en}."
)
SOUNDING = Sentence("Theo kế hoạch thì đang phát.", "By the plan it is playing.")
AWAITED = Sentence(
    "Đã đến giờ; thiết bị chưa trả lời, nên chưa biết có phát hay không.",
    "It was due; the device has not answered yet, so nobody knows whether it played.",
)
NOT_APPROVED = Sentence(
    "Bản tin chưa được duyệt trước giờ phát, nên không phát.", "The bulletin was not approved before it was due."
)
STOOD_IN = Sentence(
    "Bản tin chưa được duyệt trước giờ phát; nội dung thay thế được xếp vào chỗ đó.",
    "The bulletin was not approved before it was due; something else was planned in its place.",
)

BECAUSE = {
    "complete": HEARD,
    "only_the_rest": Sentence(
        "Chỉ phát được phần cuối vì bắt đầu muộn hoặc bị “{by}” chen ngang.",
        "Only the rest sounds: it begins late or “{by}” stands in its way.",
    ),
    "cut_and_dropped": Sentence(
        "Bị “{by}” (mức cao hơn) cắt ngang và theo cài đặt thì không phát lại.",
        "Cut by “{by}” of a higher level, and set not to go on afterwards.",
    ),
    "cut_too_long": Sentence(
        "Bị “{by}” cắt ngang quá lâu nên không kịp phát tiếp.",
        "“{by}” cut it for too long to go on.",
    ),
    "lost_its_place": Sentence(
        "Nhường “{by}” được phát trước, và đã quá giờ bắt đầu muộn nhất.",
        "“{by}” goes first, and afterwards its latest start has passed.",
    ),
    "hidden_by_a_higher_class": Sentence("Bảng đang hiện “{by}” (mức cao hơn).", "The board shows “{by}” instead."),
    "came_too_late": Sentence(
        "Thiết bị nhận kế hoạch hoặc bật lên sau giờ bắt đầu muộn nhất.",
        "The device was off or got the plan after the latest start.",
    ),
    "window_over": Sentence("Đã hết thời gian hiện trên bảng.", "Its time on the board is over."),
    "plan_expired": Sentence("Kế hoạch hết hạn trước giờ phát.", "The plan expires before the start."),
    "hours": Sentence(
        "Ngoài khung giờ được phát theo quy định của {whose}: {detail}.", "Outside the hours {whose} allows: {detail}."
    ),
    "legal_hours": Sentence(
        "Ngoài khung giờ tối đa mà thiết bị được phép phát: {detail}.",
        "Outside the hours that bind every device: {detail}.",
    ),
    "blackout": Sentence("Ngày không phát của {whose}: {detail}.", "A day without broadcasts of {whose}: {detail}."),
    "minutes": Sentence(
        "Hết số phút được phát trong ngày theo quy định của {whose}: {detail}.",
        "The minutes a day that {whose} allows are used up: {detail}.",
    ),
    "slots": Sentence(
        "Hết số buổi phát trong ngày theo quy định của {whose}: {detail}.",
        "The sessions a day that {whose} allows are used up: {detail}.",
    ),
    "stop": Sentence("Có lệnh dừng phát.", "A stop was ordered."),
    "withdrawn": Sentence("Lượt phát đã được thu hồi.", "The broadcast was withdrawn."),
    "no_document": Sentence(
        "Không còn kế hoạch nào nhắc đến lượt phát này.", "No plan speaks of this broadcast any more."
    ),
    "clock_untrusted": Sentence("Đồng hồ của thiết bị không đáng tin.", "The device's clock cannot be trusted."),
    "began_before_a_power_cut": Sentence("Mất điện khi đang phát.", "The power went while it sounded."),
    "not_for_device": Sentence(
        "Lượt phát không có phần nào cho loại thiết bị này.", "Nothing in it is for this kind of device."
    ),
}

REASONS = {
    "stopped": BECAUSE["stop"],
    "withdrawn": BECAUSE["withdrawn"],
    "conflict": Sentence(
        "Lượt phát khác được phát trước, và đã quá giờ bắt đầu muộn nhất.",
        "Another broadcast went first, and then its latest start had passed.",
    ),
    "too_late": BECAUSE["came_too_late"],
    "policy": Sentence("Quy định giờ phát không cho phép: {detail}.", "The rules of the air forbade it: {detail}."),
    "clock": BECAUSE["clock_untrusted"],
    "content_missing": Sentence(
        "Âm thanh chưa về đến thiết bị: {detail}.", "The sound had not reached the device: {detail}."
    ),
    "content_bad": Sentence("Tệp âm thanh hỏng: {detail}.", "The sound could not be used: {detail}."),
    "output_failed": Sentence("Lỗi ngõ ra âm thanh: {detail}.", "The sound output failed: {detail}."),
    "relay_failed": Sentence(
        "Không tiếp sóng được: {detail}.", "The station could not be relayed as planned: {detail}."
    ),
    "silent": Sentence(
        "Thiết bị có phát nhưng không nghe thấy gì: {detail}.", "It ran but nothing audible left the device: {detail}."
    ),
    "power_cut": BECAUSE["began_before_a_power_cut"],
    "player_died": Sentence("Trình phát bị lỗi giữa chừng: {detail}.", "The player failed midway: {detail}."),
    "preempted": Sentence("Bị lượt phát mức cao hơn cắt ngang.", "Cut by something of a higher level."),
    "no_answer": Sentence(
        "Thiết bị không trả lời trong thời hạn: chưa rõ có phát hay không.",
        "The device did not answer in time: nobody knows whether it played.",
    ),
    "not_for_device": BECAUSE["not_for_device"],
    "expired": BECAUSE["plan_expired"],
}


def coming(segments: Sequence[Segment], languages: Sequence[str]) -> Sentence:
    """That something will play, and in which of the device's languages where devices differ in that."""
    if not varies(segments) or not languages:
        return COMING
    spoken = languages_in(segments, languages)
    known = [BY_CODE[one] for one in spoken or languages if one in BY_CODE]
    other = [one for one in spoken or languages if one not in BY_CODE]
    vi, en = (", ".join((*names, *other)) for names in ([one.vi for one in known], [one.en for one in known]))
    return (COMING_IN if spoken else COMING_FOR_ALL).with_(vi=vi, en=en)
