"""What a server replied, as AutoGen's clients drop some of it: refusals, stop reasons, error codes, headers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Final

from creator.text import clean

MAX_BODY: Final = 1_000_000
"""Characters of a reply that are looked at."""
MAX_TEXT: Final = 200


@dataclass
class Reply:
    """The last reply to one try; empty until it is there.

    Attributes:
        hide: Replaces secrets in a text.
        headers: Its headers, by name in lower case.
        text: Its body.
    """

    hide: Callable[[str], str]
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def body(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.text[:MAX_BODY])
        except (ValueError, RecursionError):
            return None

    @property
    def codes(self) -> frozenset[str]:
        """What the server calls its error, in lower case: OpenAI's and Azure's ``code``, Anthropic's ``type``."""
        error = _get(self.body, "error")
        found = [_get(error, "code"), _get(error, "type"), _get(error, "innererror", "code")]
        return frozenset(one.casefold() for one in found if isinstance(one, str))

    @property
    def refusal(self) -> str:
        """Why there is no answer in it, in one line; empty when it is no refusal."""
        body = self.body
        said = _get(body, "choices", 0, "message", "refusal")
        if isinstance(said, str) and said.strip():
            return f"the model refused: {clean(said, MAX_TEXT)}"
        if _get(body, "stop_reason") == "refusal":
            return "the model refused, without a reason"
        if _get(body, "choices", 0, "finish_reason") == "content_filter":
            return "a content filter of the provider's withheld the answer"
        return ""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait; None when it says nothing usable."""
        text = self.headers.get("retry-after", "")
        seconds = _number(self.headers.get("retry-after-ms", "")) / 1_000
        if not math.isfinite(seconds):
            seconds = _number(text)
        if not math.isfinite(seconds):
            seconds = _seconds_until(text, self.headers.get("date") or formatdate(usegmt=True))
        return seconds if math.isfinite(seconds) and seconds >= 0 else None

    @property
    def kind(self) -> str:
        """What it is, for a message to people: its media type and its beginning."""
        kind = clean(self.headers.get("content-type", "of no type"), 60)
        beginning = clean(self.text, 60)
        return f"{kind}, {f'begins with {beginning!r}' if beginning else 'empty'}"


_current: ContextVar[Reply | None] = ContextVar("reply", default=None)


@contextmanager
def expecting(hide: Callable[[str], str]) -> Iterator[Reply]:
    """Gives the place where the reply to a try will be; the try has to be made within.

    Args:
        hide: Replaces secrets in a text, as a server may quote them.
    """
    reply = Reply(hide)
    token = _current.set(reply)
    try:
        yield reply
    finally:
        _current.reset(token)


def listen(client: Any) -> None:
    """Let a provider's client note its replies.

    Args:
        client: A client of `openai`, `anthropic` or `ollama`; each keeps an httpx client (of one version or the next)
            in ``_client``. Of others nothing is noted.
    """
    hooks = getattr(getattr(client, "_client", None), "event_hooks", None)
    if isinstance(hooks, dict):
        hooks.setdefault("response", []).append(_note)


async def _note(response: Any) -> None:
    """Read a reply. It runs in a task that the try began, which sees the same place."""
    reply = _current.get()
    if reply is None:
        return
    reply.headers = {str(name).casefold(): reply.hide(str(value)) for name, value in response.headers.items()}
    await response.aread()
    reply.text = reply.hide(response.text)


def _get(value: Any, *path: str | int) -> Any:
    """What is at the end of a path of keys and positions; None when there is no such path."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _seconds_until(date: str, now: str) -> float:
    """Seconds from one HTTP date to another; by the server's own clock where it tells, as ours may be wrong."""
    try:
        return (parsedate_to_datetime(date) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return math.nan
