"""The difference between two modules, bounded in size and work, and safe to show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import Match, SequenceMatcher
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from creator.text import clean, clean_lines

if TYPE_CHECKING:
    from rich.text import Text

MAX_LINES: Final = 5_000
MAX_CHARACTERS: Final = 1_000_000
MAX_COMPARISONS: Final = 2_000_000
"""Lines compared with each other; it takes about a fifth of a second."""

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NO_LINE_END: Final = "\\ No newline at end of file\n"
_STYLES: Final = {"@": "cyan", "-": "red", "+": "green", "\\": "dim", "(": "dim"}


class TooDifferent(Exception):
    """Comparing the texts takes more work than it is worth."""


class Matcher(SequenceMatcher[str]):
    """Gives up, with `TooDifferent`, after a number of comparisons.

    The library's algorithm takes quadratic time and more on lines that repeat, and a text's author is free to repeat
    lines.

    Args:
        old: What the text before consists of, such as lines.
        new: What the text after consists of.
        most: How many may be compared with each other.

    Attributes:
        left: How many still may.
    """

    def __init__(self, old: list[str], new: list[str], most: int = MAX_COMPARISONS) -> None:
        super().__init__(None, old, new)
        places: dict[str, list[int]] = self.b2j  # type: ignore[attr-defined]  # documented, yet not in its types
        self.left = most
        self._costs = [0, *accumulate(1 + len(places.get(line, ())) for line in old)]

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """As in the library.

        Raises:
            TooDifferent: It takes too much.
        """
        self.left -= self._costs[-1 if ahi is None else ahi] - self._costs[alo]
        if self.left < 0:
            raise TooDifferent
        return super().find_longest_match(alo, ahi, blo, bhi)


def difference(old: str, new: str, old_name: str, new_name: str, context: int = 3) -> str:
    """A unified difference of two texts of unknown origin.

    Lines are compared as they are and cleaned afterwards: a line that differs only in invisible characters shows up
    as changed.

    Args:
        old: The text before.
        new: The text after.
        old_name: What the old text is called.
        new_name: What the new text is called.
        context: How many unchanged lines surround a change.

    Returns:
        Lines without terminal escapes, control and direction characters, or a line that says "too different to show";
        nothing when the texts are the same.
    """
    if old == new:
        return ""
    head = f"--- {clean(old_name, 200)}\n+++ {clean(new_name, 200)}\n"
    if max(len(old), len(new)) <= MAX_CHARACTERS:
        before, after = _LINE.findall(old), _LINE.findall(new)
        if max(len(before), len(after)) <= MAX_LINES:
            try:
                return head + "".join(_hunks(before, after, context))
            except TooDifferent:
                pass
    return f"{head}(too different to show: {len(old):,} and {len(new):,} characters)\n"


def render_difference(text: str) -> Text:
    """A unified difference of any origin with colours, to print with rich."""
    from rich.text import Text

    rendered = Text()
    for number, line in enumerate(clean_lines(text).splitlines(keepends=True)):
        head = number < 2 and line.startswith(("--- ", "+++ "))
        rendered.append(line, "bold" if head else _STYLES.get(line[0], ""))
    rendered.rstrip()
    return rendered


def _hunks(before: list[str], after: list[str], context: int) -> Iterator[str]:
    for group in Matcher(before, after).get_grouped_opcodes(context):
        _, old_start, _, new_start, _ = group[0]
        _, _, old_end, _, new_end = group[-1]
        yield f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@\n"
        for kind, i, j, k, m in group:
            if kind == "equal":
                yield from (_shown(" ", line) for line in before[i:j])
                continue
            yield from (_shown("-", line) for line in before[i:j])
            yield from (_shown("+", line) for line in after[k:m])


def _shown(sign: str, line: str) -> str:
    text = sign + clean_lines(line.rstrip("\r\n")) + "\n"
    return text if line.endswith(("\r", "\n")) else text + _NO_LINE_END


def _range(start: int, end: int) -> str:
    """Lines of a hunk as the unified format names them: counted from 1, an empty range by the line before it."""
    length = end - start
    return str(start + 1) if length == 1 else f"{start + 1 if length else start},{length}"
