"""What the rules of recurrence speak of: values that nobody changes, with room for their fields alone."""

import dataclasses

import pytest

from controller.schedules.rules import Occurrence, Revision, Series


@pytest.mark.parametrize("kind", [Revision, Series, Occurrence])
def test_nobody_changes_a_value_the_rules_have_given(kind: type) -> None:
    value = object.__new__(kind)

    assert not hasattr(value, "__dict__")
    for field in dataclasses.fields(kind):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


def test_an_occurrence_is_as_its_rule_has_it_unless_a_change_is_given() -> None:
    changes = {field.name: field.default for field in dataclasses.fields(Occurrence) if field.name == "change"}

    assert changes == {"change": None}
