"""What can become of a message, as exceptions that both sides raise.

::

    MessagingError
    ├── RecipientNotFound (LookupError)      nobody is registered under that name
    ├── RecipientLost (ConnectionError)      the recipient's process, or the host, went away
    ├── HandlerFailed (RuntimeError)         the recipient raised; type, text and traceback of its exception
    ├── DeadlineExceeded (TimeoutError)      no answer in time
    ├── MessageTooLarge (ValueError)         over the size limit; nothing was sent
    ├── PermissionDenied (PermissionError)   the host does not let this sender do this
    ├── ConversationEnded (RuntimeError)     hop limit, or the recipient already is in the chain
    ├── Overloaded (RuntimeError)            too much is pending or queued; try again later
    ├── BudgetUsedUp (RuntimeError)          the sender may send no more messages in this run
    └── NameTaken (ValueError)               another client has registered an agent under that name
"""

from __future__ import annotations

import traceback
from typing import Final

NO_HANDLER: Final = "NoHandler"
"""The type name of a `HandlerFailed` whose recipient knows the message, but has no handler for it."""

MAX_ERROR_CHARACTERS: Final = 2_000
MAX_TYPE_CHARACTERS: Final = 200
TRACEBACK_FRAMES: Final = 5


class MessagingError(Exception):
    """Base of every failure to get an answer."""

    by_host: bool = True
    """Whether the host says this; a worker that claims such a code in its reply is not believed."""


class RecipientNotFound(MessagingError, LookupError):
    """Nobody is registered under that name."""


class RecipientLost(MessagingError, ConnectionError):
    """The recipient's process, or the host itself, went away before it answered."""


class HandlerFailed(MessagingError, RuntimeError):
    """The recipient's handler, its factory or its constructor raised, or its answer could not be sent.

    Args:
        text: The exception's text.
        type_name: The class name of the exception in the recipient's process; empty when there was none.
        traceback: Its last frames, as text; empty unless the asking client is trusted.
    """

    by_host = False

    def __init__(self, text: str, type_name: str = "", traceback: str = "") -> None:
        super().__init__(text, type_name, traceback)
        self.text = text
        self.type_name = type_name
        self.traceback = traceback

    def __str__(self) -> str:
        return ": ".join(part for part in (self.type_name, self.text) if part)


class DeadlineExceeded(MessagingError, TimeoutError):
    """No answer came in time."""

    by_host = False


class MessageTooLarge(MessagingError, ValueError):
    """The message is over the size limit."""


class PermissionDenied(MessagingError, PermissionError):
    """The host refuses this to this sender."""


class ConversationEnded(MessagingError, RuntimeError):
    """The hop limit is reached, or the recipient already took part in this chain."""


class Overloaded(MessagingError, RuntimeError):
    """Too many requests are pending, or too many bytes are queued, at the sender's or the recipient's end."""


class BudgetUsedUp(MessagingError, RuntimeError):
    """The sender's share of the messages of this run is used up, or all of them are."""


class NameTaken(MessagingError, ValueError):
    """Another client has registered an agent under that name."""


BY_CODE: Final[dict[str, type[MessagingError]]] = {
    error.__name__: error
    for error in (
        RecipientNotFound,
        RecipientLost,
        HandlerFailed,
        DeadlineExceeded,
        MessageTooLarge,
        PermissionDenied,
        ConversationEnded,
        Overloaded,
        BudgetUsedUp,
        NameTaken,
    )
}


def describe(error: BaseException) -> str:
    """Type and text of an exception in one bounded line; never empty, unlike ``str(KeyError())``."""
    text = _text(error)
    return f"{_name(error)}: {text}" if text else _name(error)


def place_in(file_name: str, error: BaseException) -> str:
    """Where in a file an exception was raised, such as `` (line 7)``; empty when it was not there."""
    try:
        frames = traceback.extract_tb(error.__traceback__)
    except Exception:  # an exception of a hostile class may raise when it is looked at
        return ""
    lines = [frame.lineno for frame in frames if frame.filename.endswith(f"/{file_name}")]
    return f" (line {lines[-1]})" if lines else ""


def failure_of(error: BaseException) -> HandlerFailed:
    """What a recipient's exception becomes for the one who asked: bounded, without values of variables."""
    try:
        frames = "".join(traceback.format_exception(error, limit=-TRACEBACK_FRAMES, chain=False))
    except Exception:  # an exception of a hostile class may raise when it is looked at
        frames = ""
    return HandlerFailed(_text(error), _name(error), frames[-MAX_ERROR_CHARACTERS:])


def _name(error: BaseException) -> str:
    """The name of its class."""
    return _one_line(type(error).__name__, MAX_TYPE_CHARACTERS)


def _text(error: BaseException) -> str:
    """Its text; empty when it has none, or raises when it is asked."""
    try:
        return _one_line(str(error), MAX_ERROR_CHARACTERS)
    except Exception:
        return ""


def _one_line(text: str, limit: int) -> str:
    """Within a limit of characters, and such that UTF-8 can hold it."""
    return " ".join(text[: 4 * limit].split())[:limit].encode("utf-8", "replace").decode("utf-8")
