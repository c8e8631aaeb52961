"""A form as it came, and what is wrong with it: pages show it again with everything that was typed, but secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from controller.accounts import csrf
from controller.web import words
from controller.web.backend import Refused
from controller.web.translating import Language, Tongue, marked

ONCE = "once"
"""The hidden field with the key under which one form does its work once, however often it is sent."""
_SECRET = frozenset({"password", "code", "secret", csrf.FIELD})


@dataclass(slots=True)
class Form:
    """What was typed, by field; `errors` by field, `""` of the whole form."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    code: str = ""

    def get(self, name: str) -> str:
        """What was typed, without blanks around it; passwords stay as they are."""
        value = self.values.get(name, "")
        return value if name in _SECRET else value.strip()

    def shown(self, name: str) -> str:
        """What to show again: secrets are typed anew."""
        return "" if name in _SECRET else self.values.get(name, "")

    def given(self, *names: str) -> dict[str, Any]:
        """Those fields that hold something, for a body."""
        return {name: self.get(name) for name in names if self.get(name)}

    def refuse(self, refused: Refused, tongue: Tongue) -> None:
        """Say at its field, or over the form, why it was not done."""
        self.code = refused.code
        if refused.code == "request_invalid":
            for one in refused.errors:
                self.errors[one["at"].rpartition(".")[2]] = tongue.say(marked("Giá trị này chưa đúng dạng."))
            self.errors[""] = tongue.say(words.PROBLEMS[422])
            return
        self.errors[words.FIELDS.get(refused.code, "")] = reason(refused, tongue)


async def read(request: Request) -> Form:
    """The fields of a request; files are not read here."""
    form = await request.form()
    return Form({name: value for name, value in form.items() if not isinstance(value, UploadFile)})


def reason(refused: Refused, tongue: Tongue) -> str:
    """Why something was not done, as a sentence."""
    if tongue.language is Language.VI:
        text = refused.vi or tongue.say(_general(refused.status))
    else:
        text = refused.detail or tongue.say(_general(refused.status))
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _general(status: int) -> str:
    found: Mapping[int, str] = words.PROBLEMS
    return found.get(status, found[500] if status >= 500 else found[422])  # noqa: PLR2004
