"""Plain words: what a small model may end a sentence with where anything else would lead it astray.

Asked freely, it ends "warn the staff before it is too late to" with a leaking tap in a flower shop. With these words,
and the topic, it still says what it likes, but stays with the matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

VERBS: Final = (
    "act adjust answer ask bring buy call change check choose clear close collect compare confirm contact correct "
    "decide deliver expect explain find finish fix focus follow help improve invite keep leave look meet move offer "
    "open order pick plan prepare read repair replace reply save see sell send share show solve start stop store take "
    "talk tell try turn visit wait watch work write"
)
OTHERS: Final = (
    "back because before best better by cases customers day days details each early enough everybody everything extra "
    "fast faster first for from hours how if it late later less longer mistakes money more most new next now on other "
    "others over own people prices problem problems quickly ready right schedule soon staff task tasks than that the "
    "their them there these they things this through time today together tomorrow until up week well what when where "
    "which with without work"
)
"""None begins with an "a": where the model means an article, the grammar would make another word of it."""
_NAMEABLE: Final = re.compile(r"[a-zA-Z][a-zA-Z '-]{2,59}")


def plain_grammar(low: int, high: int, topic: str) -> str:
    """A GBNF grammar for the rest of a sentence, its full stop included, that begins with a verb.

    Args:
        low: Fewest words.
        high: Most words.
        topic: What it is about, which may be named.
    """
    own = [topic] if _NAMEABLE.fullmatch(topic) else []
    others = [*OTHERS.split(), *own]
    return (
        f'root ::= " " verb (" " word){{{low - 1},{high - 1}}} "."\n'
        f"verb ::= {_alternatives(VERBS.split())}\nword ::= {_alternatives(others)}"
    )


def _alternatives(words: Iterable[str]) -> str:
    return " | ".join(f'"{word}"' for word in words)
