"""Folding: whoever types without accents, in capitals or with another keyboard finds the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.library.folding import fold, folded, words


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Đường Điện Biên Phủ", "duong dien bien phu"),
        ("ỦY BAN NHÂN DÂN", "uy ban nhan dan"),
        ("Thông báo: tiêm phòng — đợt 2 (10/11/2026)", "thong bao tiem phong dot 2 10 11 2026"),
        ("86/KH-UBND", "86 kh ubnd"),
        ("  nhiều   khoảng\ttrắng\n", "nhieu khoang trang"),
        ("ẨẤẪ ỄỖỮ ỵ ự", "aaa eou y u"),
        ("đ\u200bê", "de"),
        ("Hmoob Đawb", "hmoob dawb"),
        ("Êđê Ƀuôn", "ede ƀuon"),
        ("ភាសាខ្មែរ", "ភាសាខ្មែរ"),
        ("🎉 !!! …", ""),
    ],
)
def test_a_text_is_found_by_what_people_type(written: str, typed: str) -> None:
    assert fold(written) == typed


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(
    st.text(
        alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ 0123456789"
    )
)
def test_vietnamese_folds_alike_in_every_form_and_case(text: str) -> None:
    forms = {unicodedata.normalize(form, cased) for form in ("NFC", "NFD") for cased in (text, text.upper())}

    assert len({fold(form) for form in forms}) == 1
    assert fold(text).isascii()


@given(st.lists(st.text()))
def test_what_is_joined_is_folded_itself(texts: list[str]) -> None:
    assert fold(folded(*texts)) == folded(*texts)


def test_the_words_of_a_query_come_longest_first_and_once() -> None:
    assert words("Lũ LŨ quét  lu!") == ("quet", "lu")
