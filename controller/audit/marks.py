"""How a column says what the audit may keep of it: `mapped_column(…, info=PRIVATE)`. Unmarked values stand in it.

docs/adr/0025: an entry is never changed, so that what must be able to go from it must not stand in it.
"""

from typing import Any

PRIVATE: dict[str, Any] = {"audit": "private"}
"""Of a person and erasable: the entry holds a salted commitment, the value stands beside it until it is erased."""
SECRET: dict[str, Any] = {"audit": "secret"}
"""Never kept, not even as a digest: the entry says only that it was set or changed."""
DERIVED: dict[str, Any] = {"audit": "derived"}
"""Made from other columns: left out."""
