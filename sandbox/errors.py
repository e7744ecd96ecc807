"""What can become of a message, as exceptions that both sides raise.

::

    MessagingError
    ├── RecipientNotFound (LookupError)      nobody is registered under that name
    ├── RecipientLost (ConnectionError)      the recipient's process, or the host, went away
    ├── HandlerFailed (RuntimeError)         the recipient raised; the text names its exception
    ├── DeadlineExceeded (TimeoutError)      no answer in time
    ├── MessageTooLarge (ValueError)         over the size limit; nothing was sent
    ├── PermissionDenied (PermissionError)   the host does not let this sender do this
    ├── ConversationEnded (RuntimeError)     hop limit, or the recipient already is in the chain
    └── Overloaded (RuntimeError)            too many requests of this sender are pending
"""

from __future__ import annotations

from typing import Final

MAX_ERROR_CHARACTERS: Final = 2_000


class MessagingError(Exception):
    """Base of every failure to get an answer."""

    by_host: bool = True
    """Whether the host says this; a worker that claims such a code in its reply is not believed."""


class RecipientNotFound(MessagingError, LookupError):
    """Nobody is registered under that name."""


class RecipientLost(MessagingError, ConnectionError):
    """The recipient's process, or the host itself, went away before it answered."""


class HandlerFailed(MessagingError, RuntimeError):
    """The recipient's handler (or its constructor) raised."""

    by_host = False


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
    """Too many requests of this sender are pending."""


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
    )
}


def describe(error: BaseException) -> str:
    """Type and text of an exception in one bounded line; never empty, unlike ``str(KeyError())``."""
    text = " ".join(str(error).split())[:MAX_ERROR_CHARACTERS]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
