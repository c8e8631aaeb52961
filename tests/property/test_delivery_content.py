"""Repairs bring exactly what was wanted, to those who wanted it, and nobody else alone."""

from hypothesis import given
from hypothesis import strategies as st

from controller.delivery import content_rules
from controller.delivery.content_rules import INDEX, MANY

NUMBERS = st.frozensets(st.integers(INDEX, 5), max_size=5)
WANTS = st.dictionaries(st.tuples(st.sampled_from("abcdef"), st.sampled_from("rs")), NUMBERS)


@given(WANTS)
def test_every_want_is_served_once(wants: dict[tuple[str, str], frozenset[int]]) -> None:
    sent = list(content_rules.repairs(wants))

    for (device, root), numbers in wants.items():
        for number in numbers:
            served = [one for one in sent if (one.root, one.number) == (root, number) and one.device in {device, None}]
            assert len(served) == 1
    for one in sent:
        askers = [device for (device, root), numbers in wants.items() if root == one.root and one.number in numbers]
        assert (one.device is None) == (len(askers) >= MANY)
        assert one.device is None or one.device in askers


@given(WANTS)
def test_indexes_go_first(wants: dict[tuple[str, str], frozenset[int]]) -> None:
    kinds = [one.number == INDEX for one in content_rules.repairs(wants)]

    assert kinds == sorted(kinds, reverse=True)
