"""Ideas, all their texts, which was made from which, and what was said about them."""

from __future__ import annotations

import time

from creator.ledger.bounds import LONG, as_json, bounded
from creator.ledger.file import LedgerFile
from creator.outcome import IdeaOutcome


def record_idea(ledger: LedgerFile, idea: IdeaOutcome, birth: int | None) -> None:
    """Record an idea with all its texts, which was made from which, and all remarks: the whole of it or nothing.

    Args:
        ledger: Where.
        idea: The idea. A text's parents are on record, or are texts of the same idea.
        birth: The number of its author's birth, which is on record; None for a one-shot idea.

    Raises:
        ValueError: Something does not fit, such as a number that is taken, or a text that nobody knows.
    """
    with ledger.writing() as rows:
        now = time.time()
        rows.insert(
            "ideas",
            number=idea.number,
            at=now,
            source=idea.source,
            author=bounded(idea.author),
            birth=birth,
            conversation=bounded(idea.conversation),
            generation=idea.generation,
            model=bounded(idea.agent_model),
            weak=as_json([bounded(one) for one in idea.weak]),
        )
        for text in idea.versions:
            content = as_json(text.idea.model_dump())
            rows.insert(
                "texts", id=text.id, number=idea.number, writer=bounded(text.author), hop=text.hop, idea=content
            )
        for text in idea.versions:
            for place, parent in enumerate(text.parents):
                rows.insert("lineage", text=text.id, parent=parent, place=place)
        for remark in idea.remarks:
            rows.insert(
                "remarks",
                at=now,
                author=bounded(remark.author),
                kind=remark.kind,
                about=remark.about,
                content=bounded(remark.content, LONG),
            )


def last_text(ledger: LedgerFile) -> int:
    """The highest id of a text of an idea; 0 when there is none.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    return int(ledger.read("SELECT coalesce(max(id), 0) FROM texts")[0][0])
