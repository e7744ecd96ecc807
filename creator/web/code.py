"""Python source and differences as HTML: escaped, cleaned, and coloured by classes that `static/code.css` knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

from creator.text import clean_lines

MOST_COLOURED: Final = 60_000
"""Characters of a module that are coloured; a longer one is shown plain, which takes far less time."""
MOST_BLANK: Final = 1_000
"""White space in a row, with line ends, in a module that is coloured; of more, Pygments takes quadratic time."""
MOST_SHOWN: Final = 500_000
"""Characters of a text that are shown at all."""
PREFIX: Final = "py-"
"""What the names of the classes of tokens begin with."""
_BLANK: Final = re.compile(r"\s+")
_LINES: Final = {"+": "added", "-": "removed", "@": "place", "\\": "place", "(": "place"}


@lru_cache(maxsize=64)
def highlighted(source: str) -> Markup:
    """A module as the content of a ``<pre class="code">``: a ``<span class="row">`` for each line.

    Nothing of it is obeyed by a browser: it is cleaned of control and direction characters, and escaped. Numbers of
    lines are counted by the style sheet, so that nobody copies them with the text.

    Args:
        source: Text of any origin.
    """
    text = clean_lines(source, MOST_SHOWN)
    if len(text) > MOST_COLOURED or max(map(len, _BLANK.findall(text)), default=0) > MOST_BLANK:
        return _rows([escape(line) for line in text.split("\n")])
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lexer = PythonLexer(stripnl=False, ensurenl=False)
    formatter: HtmlFormatter[str] = HtmlFormatter(classprefix=PREFIX, nowrap=True)
    # The formatter closes its spans before the end of each line, and escapes all that it is given.
    return _rows([Markup(line) for line in highlight(text, lexer, formatter).rstrip("\n").split("\n")])  # noqa: S704


def hides(source: str) -> bool:
    """Whether a text holds characters that are left out where it is shown."""
    return clean_lines(source) != source.replace("\r\n", "\n")


def marked_difference(text: str) -> Markup:
    """A unified difference as the content of a ``<pre class="code difference">``.

    The signs in front of the lines stay, so that nothing is told by colour alone.

    Args:
        text: As `creator.review.difference.difference` gives it.
    """
    rows = []
    for number, line in enumerate(clean_lines(text, MOST_SHOWN).splitlines()):
        head = number < 2 and line.startswith(("--- ", "+++ "))
        kind = "place" if head else _LINES.get(line[:1], "")
        rows.append(Markup('<span class="row {}">{}</span>').format(kind, line))
    return Markup("\n").join(rows)


def _rows(lines: Iterable[Markup]) -> Markup:
    return Markup("\n").join(Markup('<span class="row">{}</span>').format(line) for line in lines)
