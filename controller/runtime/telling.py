"""How work that goes on for ever tells of a round that failed: what we foresaw in one line, the rest with its trace."""

import logging

from loa_protocol.errors import LoaError


def tell_failure(log: logging.Logger, error: Exception, message: str, *values: object) -> None:
    """Log `message % values` and why; a database that is away must not fill the log with traces."""
    if isinstance(error, LoaError):
        log.warning(f"{message}: %s", *values, error)  # noqa: G004 - the message is a template still
    else:
        log.error(message, *values, exc_info=error)
