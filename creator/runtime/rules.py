"""Who may ask whom: roles, conversations and hops. The host applies them to every request before it passes."""

from __future__ import annotations

from typing import Final

from creator.runtime.credentials import Grant
from creator.runtime.records import Admission
from sandbox.errors import ConversationEnded, PermissionDenied
from sandbox.protocol import CREATOR, JUDGE, MODEL_GATEWAY, REGISTRY, SUPERVISOR, ColleagueOrder, OpinionRequest

OPEN_TO_CELLS: Final = frozenset({REGISTRY, MODEL_GATEWAY})
"""Trusted agents that a cell may ask at any time."""


def chain_after(
    grant: Grant, source: str, target: str, kind: str, before: Admission | None, hop_limit: int
) -> tuple[str, ...]:
    """The names that a conversation has passed once a request of an untrusted client is let pass.

    Args:
        grant: The sending client's.
        source: The agent that sends; the client may send as it.
        target: The agent that is asked.
        kind: The message's class name.
        before: The request that the sender is answering, as the host knows it; None when it is answering none.
        hop_limit: How many agents may pass an idea on, one after the other.

    Raises:
        PermissionDenied: The sender may not ask this agent (now).
        ConversationEnded: The limit of hops is reached, or the agent already took part.
    """
    chain = (*(before.chain if before is not None else ()), source)
    if grant.role == "supervisor":
        if target != CREATOR:
            raise PermissionDenied(f"the supervisor may not send to {target[:64]!r}")
    elif target in OPEN_TO_CELLS or (target == CREATOR and kind == ColleagueOrder.__name__):
        pass
    elif target in (CREATOR, SUPERVISOR):
        raise PermissionDenied(f"{source!r} may not send to {target!r}")
    elif target == JUDGE:
        if kind != OpinionRequest.__name__ or before is None:
            raise PermissionDenied(f"{source!r} may ask {target!r} for an opinion only, while it answers a request")
        # The judge is no hop: it passes nothing on.
    elif before is None:
        raise PermissionDenied(f"{source!r} may send to a colleague only while it answers a request")
    elif target in chain:
        raise ConversationEnded(f"{target[:64]!r} already took part in this conversation")
    elif len(chain) > hop_limit:
        raise ConversationEnded(f"the limit of {hop_limit} hops is reached")
    return chain
