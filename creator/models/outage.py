"""Notices that a model is lost for the whole run, so that the run ends once and not agent by agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from creator.errors import AccessRefused, EnvironmentFault, ModelError, RetryableModelError
from creator.models.patience import UNREACHABLE_SECONDS
from creator.text import clean

IN_A_ROW: Final = 3
"""Calls that were refused, or found no server, with none in between that got an answer."""
MAX_REASON: Final = 300


class Outage:
    """Of one model.

    Args:
        model: The model's name.
        on_fault: Told once when the model is lost; None where that is nobody's business.
        say: Told in one line when the server cannot be reached, once until it can.
    """

    def __init__(
        self,
        model: str,
        on_fault: Callable[[EnvironmentFault], None] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._model = model
        self._on_fault = on_fault
        self._say = say
        self._said = False
        self._in_a_row = 0

    def answered(self) -> None:
        """A try got an answer."""
        self._in_a_row = 0
        self._said = False

    def failed(self, error: RetryableModelError) -> None:
        """A try failed that may be followed by another."""
        if error.trouble == "unreachable" and not self._said and self._say is not None:
            self._said = True
            reason = clean(str(error), MAX_REASON).rstrip(".")
            self._say(
                f"the model's server cannot be reached ({reason}): each call waits up to {UNREACHABLE_SECONDS:g} s"
            )

    def gave_up(self, error: ModelError) -> None:
        """A call has failed for good."""
        reason = clean(str(error), MAX_REASON).rstrip(".")
        if isinstance(error, AccessRefused):
            text = f"the model {self._model!r} refuses us: {reason}. Check the key, and what the account may spend."
        elif isinstance(error, RetryableModelError) and error.trouble == "unreachable":
            text = f"the model {self._model!r} cannot be reached any more: {reason}. Check that its server runs."
        else:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row == IN_A_ROW and self._on_fault is not None:
            self._on_fault(EnvironmentFault(text))
