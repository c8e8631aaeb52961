"""What this program writes about itself: one line an event on standard error, with its time in UTC.

Nothing that somebody else wrote begins a line or moves a terminal's cursor: what follows a line break is indented, and
other control characters are written as escapes. Logs name ids, never people, addresses of people or secrets; who did
what stands in the audit trail (`controller/audit/`), not here.
"""

import logging
import re
import sys
from datetime import UTC, datetime

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLineEach(logging.Formatter):
    """`2026-11-21T10:15:00.250Z WARNING controller.runtime.mqtt: …`; more lines of the same event are indented."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """The instant of the record."""
        at = datetime.fromtimestamp(record.created, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        """As the base, harmless."""
        return _CONTROL.sub(_escaped, super().format(record)).replace("\n", "\n    ")


def begin(level: int = logging.INFO) -> None:
    """Write the program's own events from `level` on, those of libraries from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineEach())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("controller", "loa_protocol"):
        logging.getLogger(name).setLevel(level)


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")
