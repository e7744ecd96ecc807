"""What is told of an adoption: sentences with the lines that they are about."""

from __future__ import annotations

from typing import Final

MAX_NOTES: Final = 100
MAX_LINES_TOLD: Final = 10


class Notes:
    """Collects sentences; the same sentence about several lines is one."""

    def __init__(self) -> None:
        self._lines: dict[str, set[int]] = {}

    def add(self, line: int, sentence: str) -> None:
        """Note something of a line of the original, counted from 1."""
        self._lines.setdefault(sentence, set()).add(line)

    def told(self) -> tuple[str, ...]:
        """The sentences by their first line, such as ``lines 3, 9: …``; bounded in number."""
        ordered = sorted(self._lines.items(), key=lambda item: (min(item[1]), item[0]))
        sentences = [f"{lines_of(lines)}: {sentence}" for sentence, lines in ordered[:MAX_NOTES]]
        if len(ordered) > MAX_NOTES:
            sentences.append(f"and {len(ordered) - MAX_NOTES} more")
        return tuple(sentences)


def lines_of(lines: set[int]) -> str:
    """Such as ``line 3`` or ``lines 3, 9``; bounded."""
    ordered = sorted(lines)
    more = f" and {len(ordered) - MAX_LINES_TOLD} more" if len(ordered) > MAX_LINES_TOLD else ""
    return f"line{'s' * (len(ordered) > 1)} " + ", ".join(map(str, ordered[:MAX_LINES_TOLD])) + more
