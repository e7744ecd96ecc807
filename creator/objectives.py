"""What a population works on, when it stands in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from creator.errors import UsageError
from creator.text import clean_lines

DEFAULT_OBJECTIVE: Final = "business ideas for agentic AI"
MAX_OBJECTIVE: Final = 4_000
"""Characters of what the population works on."""
MAX_OBJECTIVE_BYTES: Final = 20_000


def read_objective(path: Path) -> str:
    """What a file says the population shall work on.

    Raises:
        UsageError: It cannot be read, is empty, or too long.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_OBJECTIVE_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"The objective file {str(path)!r} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise UsageError(f"Cannot read the objective file {str(path)!r}: {error.strerror or error}.") from None
    text = clean_lines(text).strip()
    if not 0 < len(text) <= MAX_OBJECTIVE:
        raise UsageError(
            f"The objective file {str(path)!r} holds {len(text):,} characters: write 1 to {MAX_OBJECTIVE:,}."
        )
    return text
