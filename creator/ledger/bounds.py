"""What goes into a ledger is bounded and can be encoded, whoever wrote it."""

from __future__ import annotations

import json
from typing import Any, Final

from creator.text import encodable, shorten

SHORT: Final = 300
"""Characters of a name and the like."""
LONG: Final = 4_000
"""Characters of a reason and the like."""


def bounded(text: str, limit: int = SHORT) -> str:
    """The text within a number of characters, as UTF-8 can hold it."""
    return shorten(encodable(text), limit)


def as_json(value: Any) -> str:
    """A value as JSON that UTF-8 can hold; what JSON does not know stands in it as text."""
    return encodable(json.dumps(value, ensure_ascii=False, default=str))
