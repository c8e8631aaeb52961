"""How work that goes on for ever tells of a round that failed: what we foresaw in one line, the rest with its trace.

That the database is away is told once by the database itself; every loop would say it every second.
"""

import logging

from controller.runtime.database_faults import DatabaseUnavailable
from loa_protocol.errors import LoaError


def tell_failure(log: logging.Logger, error: Exception, message: str, *values: object) -> None:
    """Log `message % values`, and why."""
    if isinstance(error, LoaError):
        level = logging.INFO if isinstance(error, DatabaseUnavailable) else logging.WARNING
        log.log(level, f"{message}: %s", *values, error)  # noqa: G004 - the message is a template still
    else:
        log.error(message, *values, exc_info=error)
