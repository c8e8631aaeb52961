"""What an officer is asked to look at, in Vietnamese and English."""

from typing import Final

from controller.speech.reading.place import Doubt

DATE_OR_FRACTION: Final = Doubt(
    "Có thể là ngày tháng, cũng có thể là phân số; viết “ngày …” hoặc viết bằng chữ cho rõ.",
    "It may be a date or a fraction; write “ngày …”, or write it in words.",
)
DAY_OR_RANGE: Final = Doubt(
    "Có thể là một ngày, cũng có thể là “từ … đến …”; hãy viết ngày có gạch chéo, như 2/9.",
    "It may be a day or a range; write days with a slash, such as 2/9.",
)
NO_SUCH_DAY: Final = Doubt("Không có ngày này trong lịch.", "The calendar has no such day.")
MONTH_FIRST: Final = Doubt(
    "Có vẻ viết tháng trước ngày sau; hãy viết ngày trước, tháng sau.",
    "The month seems to stand before the day; write the day first.",
)
SHORT_YEAR: Final = Doubt("Năm viết hai chữ số; hãy viết đủ bốn chữ số.", "The year has two digits; write all four.")
THOUSANDS_OR_DECIMAL: Final = Doubt(
    "Dấu phẩy trước ba chữ số: có thể là hàng nghìn, cũng có thể là số thập phân.",
    "A comma before three digits: thousands or decimals.",
)
ENGLISH_GROUPS: Final = Doubt(
    "Dấu phẩy được hiểu là dấu ngăn hàng nghìn; trong tiếng Việt hãy dùng dấu chấm.",
    "Commas are taken to group thousands; Vietnamese uses dots.",
)
ENGLISH_POINT: Final = Doubt(
    "Dấu chấm được hiểu là dấu phẩy thập phân; hãy viết dấu phẩy.",
    "The dot is taken for a decimal comma; write a comma.",
)
SPACED_GROUPS: Final = Doubt(
    "Các nhóm chữ số cách nhau có thể là một số, cũng có thể là nhiều số; hãy dùng dấu chấm ngăn hàng nghìn.",
    "Groups of digits apart may be one number or several; group thousands with dots.",
)
LIST_OR_DECIMALS: Final = Doubt(
    "Các số nối bằng dấu phẩy được đọc là danh sách; nếu là số thập phân, hãy thêm dấu cách giữa các số.",
    "Numbers joined by commas are read as a list; if they are decimals, put spaces between them.",
)
AT_LEAST: Final = Doubt(
    "Dấu cộng sau số được hiểu là “trở lên” hoặc “trên”; hãy viết bằng chữ.",
    "The plus after the number is taken for “or more” or “above”; write it in words.",
)
UNKNOWN_ABBREVIATION: Final = Doubt(
    "Chưa biết chữ viết tắt này nên đọc từng chữ cái; hãy viết đầy đủ hoặc thêm vào danh sách cách đọc.",
    "This abbreviation is not known and is spelled; write it out, or add it to the pronunciation list.",
)
WORD_IN_CAPITALS: Final = Doubt(
    "Được đọc như một từ viết hoa; nếu là chữ viết tắt, hãy viết đầy đủ.",
    "It is read as a word in capitals; if it is an abbreviation, write it out.",
)
ROMAN_OR_NAME: Final = Doubt(
    "Được đọc là số La Mã; nếu là tên, hãy viết thường các chữ sau chữ đầu.",
    "It is read as a Roman numeral; if it is a name, write small letters after the first.",
)
MINUS_OR_DASH: Final = Doubt(
    "Dấu trừ được đọc là “âm”; nếu là gạch đầu dòng, hãy thêm dấu cách.",
    "The sign is read as minus; if it is a dash, put a space after it.",
)
LONG_NUMBER: Final = Doubt(
    "Dãy số dài được đọc từng chữ số; nếu là số lượng, hãy chấm phân cách hàng nghìn.",
    "The long number is read digit by digit; if it is an amount, group its thousands with dots.",
)
FALLING_RANGE: Final = Doubt(
    "Số đầu không nhỏ hơn số sau nên không đọc là “đến”.",
    "The first number is not smaller than the second, so it is not read as a range.",
)
RATIO_OR_SCORE: Final = Doubt("Được đọc là tỷ số.", "It is read as a score.")
NO_SUCH_TIME: Final = Doubt("Không có giờ này trong ngày.", "There is no such time of day.")
THOUSAND_MONEY: Final = Doubt(
    "Chữ “k” hoặc “tr” được hiểu là nghìn đồng, triệu đồng; hãy viết đầy đủ.",
    "“k” or “tr” is taken for thousands or millions of đồng; write it out.",
)
ADDRESS: Final = Doubt(
    "Địa chỉ mạng khó nghe; hãy nghe thử, hoặc chỉ để trên bảng tin.",
    "Addresses are hard to catch by ear; listen to it, or leave it to the boards.",
)
DROPPED: Final = Doubt("Ký hiệu này không đọc được nên bỏ qua.", "This sign has no reading and is left out.")
OTHER_SCRIPT: Final = Doubt(
    "Chữ của ngôn ngữ khác: giọng máy tiếng Việt có thể không đọc được.",
    "Letters of another language: a Vietnamese voice may not say them.",
)


def other_meanings(others: str) -> Doubt:
    """An abbreviation that means several things."""
    return Doubt(
        f"Chữ viết tắt này còn có thể là: {others}. Hãy viết đầy đủ cho chắc.",
        f"This abbreviation can also mean: {others}. Better write it out.",
    )


def wrong_weekday(said: str, really: str) -> Doubt:
    """A date that does not fall on the weekday it stands beside."""
    return Doubt(
        f"Ngày này là {really}, không phải {said}.",
        f"This date is “{really}” (day of the week), not “{said}”.",
    )
