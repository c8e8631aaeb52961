"""What devices say, as it is stored and shown: every text one line, however deep it stands. Pure."""

from typing import Any

from loa_protocol.lines import one_line


def lined(said: Any) -> Any:
    """JSON with each of its texts, names included, made one line that shows all it says."""
    match said:
        case str():
            return said if said.isprintable() else one_line(said)
        case dict():
            return {lined(name): lined(value) for name, value in said.items()}
        case list():
            return [lined(one) for one in said]
        case _:
            return said
