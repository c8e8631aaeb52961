"""What is wrong with a document that people write, in Vietnamese for the commune and in English, by stable code."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from loa_protocol.errors import LoaError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `field` is where in the document, such as `sessions[0].at`, `$` for the whole."""

    field: str
    code: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class FileFault:
    """One mistake of a file; `line` counts from 1."""

    file: str
    line: int
    field: str
    code: str
    vi: str
    en: str

    def told(self, lang: str = "en") -> str:
        """The fault as one line for people."""
        where = f"{self.file}, dòng {self.line}" if lang == "vi" else f"{self.file}, line {self.line}"
        return f"{where}, {self.field}: {self.vi if lang == 'vi' else self.en} [{self.code}]"


class FileInvalid(LoaError):
    """A file cannot be used; `faults` has every reason, `details` the first one and all of them as data."""

    code = "file_invalid"

    def __init__(self, faults: Sequence[FileFault]) -> None:
        first = faults[0]
        super().__init__(
            "\n".join(fault.told() for fault in faults),
            file=first.file,
            line=first.line,
            field=first.field,
            faults=[asdict(fault) for fault in faults],
        )
        self.faults = tuple(faults)
