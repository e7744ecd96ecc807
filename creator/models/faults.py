"""What went wrong at a model's server, told apart by status, code and text: docs/reference/models.md has them all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from creator.errors import AccessRefused, AnswerRefused, ContextTooLong, RetryableModelError, TerminalModelError
from creator.models.replies import Reply

OVERLOADED_STATUS: Final = frozenset({429, 503, 529})
UNREACHABLE_STATUS: Final = frozenset({502, 504})
"""Something in between answers for a server that is not there."""
RETRYABLE_STATUS: Final = frozenset({408, 409, 425})

SPENT_CODES: Final = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_user_quota"}
)
SPENT_TEXT: Final = "credit balance is too low"
"""Anthropic's, with HTTP 400. "You exceeded your current quota" alone is none: Google says it of a minute's quota."""
FILTER_CODES: Final = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
TOO_LONG_STATUS: Final = frozenset({400, 413, 422, 500})
TOO_LONG_CODES: Final = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})
TOO_LONG_TEXTS: Final = (
    "maximum context length",  # OpenAI, vLLM
    "prompt is too long",  # Anthropic
    "exceed context limit",  # Anthropic, of prompt and answer together
    "exceeds the available context size",  # llama.cpp
    "exceeds the context length",  # Ollama
    "exceeded max context length",  # Ollama
)
USED_UP: Final = "No more mock responses available"
"""What AutoGen's client says that has its answers from a file."""


class Unsupported(Exception):
    """The server refused the request itself; it may be one of the optional fields.

    Attributes:
        text: What it says, in one line.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def translated(error: Exception, text: str, reply: Reply) -> Exception:
    """A provider's exception as one of ours, or as `Unsupported`.

    Args:
        error: What the provider's client raised.
        text: Its text in one bounded line, without secrets.
        reply: What the server replied, as far as it did.
    """
    status = getattr(error, "status_code", None)
    if text == USED_UP:
        return TerminalModelError("the file holds no more answers")
    if isinstance(status, int) and status >= 400:
        return _by_status(status, f"HTTP {status}: {text}", reply)
    names = {type(one).__name__ for one in _causes(error)}
    name = type(error).__name__
    if names & {"ConnectError", "ConnectTimeout", "ConnectionRefusedError"}:
        return RetryableModelError(f"{name}: {text}", trouble="unreachable")
    if isinstance(error, (ConnectionError, TimeoutError)) or any(
        word in one for one in names for word in ("Connect", "Timeout", "ProtocolError", "ReadError", "WriteError")
    ):
        return RetryableModelError(f"{name}: {text}", may_have_cost=True)
    if isinstance(error, (ValueError, TypeError, IndexError, KeyError, AttributeError, json.JSONDecodeError)) or (
        isinstance(status, int)  # below 400: the client could not make anything of the answer
    ):
        return RetryableModelError(f"the answer is not a completion ({reply.kind})", may_have_cost=True)
    return TerminalModelError(f"{name}: {text}", may_have_cost=True)


def _by_status(status: int, text: str, reply: Reply) -> Exception:
    codes, lowered = reply.codes, text.casefold()
    if status in TOO_LONG_STATUS and (codes & TOO_LONG_CODES or any(one in lowered for one in TOO_LONG_TEXTS)):
        return ContextTooLong(text)
    if codes & FILTER_CODES:
        return AnswerRefused(f"a content filter of the provider's refuses the prompt ({text})")
    if status in (401, 402, 403) or codes & SPENT_CODES or SPENT_TEXT in lowered:
        return AccessRefused(text)
    if status in OVERLOADED_STATUS:
        return RetryableModelError(text, reply.retry_after, "overloaded")
    if status in UNREACHABLE_STATUS:
        return RetryableModelError(text, reply.retry_after, "unreachable", may_have_cost=True)
    if status in RETRYABLE_STATUS or status >= 500:
        return RetryableModelError(text, reply.retry_after)
    return Unsupported(text) if status in (400, 422) else TerminalModelError(text)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what it came from."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
