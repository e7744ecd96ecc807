"""What happened, in order, and every request between two agents."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from creator.ledger.bounds import as_json, bounded
from creator.ledger.file import LedgerFile

_DETAIL_CHARACTERS: Final = 20_000


def record_event(ledger: LedgerFile, kind: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
    """Record that something happened.

    Args:
        ledger: Where.
        kind: What, such as ``born`` or ``refused``.
        subject: To whom: an agent's name, or the run.
        detail: More about it, as JSON values.
    """
    text = as_json(dict(detail or {}))
    if len(text) > _DETAIL_CHARACTERS:
        text = json.dumps({"shortened": text[: _DETAIL_CHARACTERS // 2]}, ensure_ascii=False)
    ledger.insert("events", at=time.time(), kind=bounded(kind), subject=bounded(subject), detail=text)


def record_message(
    ledger: LedgerFile,
    source: str,
    target: str,
    type: str,
    *,
    size_bytes: int,
    latency_s: float | None,
    outcome: str,
    conversation: str = "",
    hop: int = 0,
) -> None:
    """Record a request between two named agents.

    Args:
        ledger: Where.
        source: Who sent it.
        target: Whom it was for.
        type: The message's class name.
        size_bytes: Its serialised size.
        latency_s: Seconds until the answer; None when none came.
        outcome: ``ok``, or the error's name.
        conversation: The conversation's id.
        hop: How many agents the conversation had passed.
    """
    ledger.insert(
        "messages",
        at=time.time(),
        source=bounded(source),
        target=bounded(target),
        type=bounded(type),
        size_bytes=size_bytes,
        latency_s=latency_s,
        outcome=bounded(outcome),
        conversation=bounded(conversation),
        hop=hop,
    )


def count_events(ledger: LedgerFile, kind: str) -> dict[str, int]:
    """How often something of a kind happened, by subject.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read("SELECT subject, count(*) FROM events WHERE kind = ? GROUP BY subject", bounded(kind))
    return {str(subject): int(number) for subject, number in found}


def count_messages(ledger: LedgerFile) -> dict[str, int]:
    """How many requests there were, by who sent them.

    Raises:
        EnvironmentFault: The ledger cannot be read.
    """
    found = ledger.read("SELECT source, count(*) FROM messages GROUP BY source")
    return {str(source): int(number) for source, number in found}
