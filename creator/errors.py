"""The exceptions of the trusted side.

::

    CreatorError
    ├── UsageError (ValueError)             the user's mistake: exit code 2, one line
    │   └── BrokenTemplate                  a template that cannot be used, with file and line
    ├── EnvironmentFault (RuntimeError)     something on this machine is missing or full: exit code 2
    ├── ModelError
    │   ├── RetryableModelError (ConnectionError)   429, 5xx, time-out: worth another try
    │   ├── TerminalModelError (ValueError)         will fail the same way again
    │   │   ├── AccessRefused                       a wrong key, or nothing left to spend: so will every other call
    │   │   ├── AnswerRefused                       the model, or a filter of its provider's, does not want to answer
    │   │   ├── ContextTooLong                      more than the model can read at once
    │   │   ├── ShareUsedUp                         what is left of a limit is kept for other agents
    │   │   └── LimitReached                        a limit of the run is in the way
    │   └── InvalidAnswer (ValueError)              answered, but not what the schema asks for
    ├── PolicyViolation (ValueError)        a module that the static policy refuses
    ├── BirthFailed (RuntimeError)          an agent that did not come to life
    └── NoAnswer (RuntimeError)             an agent that was asked something and did not answer; in `creator.talk`

Whoever calls `creator.spawn`, `resume` or `talking` gets `UsageError`, `EnvironmentFault` and `NoAnswer`; what goes
wrong with one agent or one call is on record, and ends no run.
"""

from __future__ import annotations

from typing import Literal

from creator.text import clean

Trouble = Literal["fault", "overloaded", "unreachable"]
"""What is wrong with a model's server: it made a mistake, has too much to do (429, 503, 529), or is not there."""


class CreatorError(Exception):
    """Base of everything that this package raises on purpose."""


class UsageError(CreatorError, ValueError):
    """The user's mistake. Its text is one line and says what to do."""


class BrokenTemplate(UsageError):
    """A template that cannot be used; its text names template, file and line.

    Attributes:
        template: The template's name.
        file: The name of the file at fault, without its folder.
        line: The line at fault, counted from 1; None when it is no single line.
        reason: What is wrong and what to write instead.
    """

    def __init__(self, template: str, file: str, line: int | None, reason: str) -> None:
        self.template = template
        self.file = file
        self.line = line
        self.reason = clean(reason, 400)
        super().__init__(f"template {template!r}: {self.place}: {self.reason}")

    @property
    def place(self) -> str:
        """The file, with the line where there is one: ``idea_agent.py.j2:12``."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class EnvironmentFault(CreatorError, RuntimeError):
    """Something outside the program is missing, refused or full. Its text is one line and says what to do."""


class ModelError(CreatorError):
    """A model call that gave no usable answer.

    Attributes:
        may_have_cost: Whether the server may have worked on it, and charge for it.
    """

    def __init__(self, message: str, *, may_have_cost: bool = False) -> None:
        super().__init__(message)
        self.may_have_cost = may_have_cost


class RetryableModelError(ModelError, ConnectionError):
    """A call that may succeed when it is tried again.

    Attributes:
        retry_after: Seconds that the provider asked to wait, or None.
        trouble: What is wrong with the server.
    """

    def __init__(
        self,
        message: str,
        retry_after: float | None = None,
        trouble: Trouble = "fault",
        *,
        may_have_cost: bool = False,
    ) -> None:
        super().__init__(message, may_have_cost=may_have_cost)
        self.retry_after = retry_after
        self.trouble = trouble


class TerminalModelError(ModelError, ValueError):
    """A call that would fail the same way again (wrong key, unknown model, malformed request)."""


class AccessRefused(TerminalModelError):
    """The server refuses our key, or the account has nothing left: no other call will succeed either."""


class AnswerRefused(TerminalModelError):
    """The model, or a filter of its provider's, does not want to answer; another wording may help."""


class ContextTooLong(TerminalModelError):
    """The prompt and the room for the answer are more than the model can take; a shorter prompt may help."""


class ShareUsedUp(TerminalModelError):
    """An agent has spent its fair share of a limit; what is left is kept for others. The run goes on."""


class LimitReached(TerminalModelError):
    """A limit of the run is in the way, for whoever asks; its text is one line that names the option."""


class InvalidAnswer(ModelError, ValueError):
    """The model answered, but after all repairs the answer does not fulfil the schema."""


class PolicyViolation(CreatorError, ValueError):
    """A module that the static policy refuses; the text lists rule, line and column."""


class BirthFailed(CreatorError, RuntimeError):
    """An agent that did not come to life; the text is the reason."""


def first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first exception of a group that is no group itself."""
    first = group.exceptions[0]
    return first_leaf(first) if isinstance(first, BaseExceptionGroup) else first
