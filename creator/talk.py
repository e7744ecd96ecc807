"""Talking to an agent over several turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from creator.errors import CreatorError, UsageError
from creator.house import House
from creator.text import encodable
from sandbox.errors import NO_HANDLER, HandlerFailed, MessagingError
from sandbox.protocol import Text

MAX_CHARACTERS: Final = 4_000
MAX_EARLIER: Final = 40
"""Texts of the conversation that an agent is reminded of, the asker's and its own."""


class NoAnswer(CreatorError, RuntimeError):
    """An agent did not answer; the text is the reason."""


def question_of(text: str) -> str:
    """A question as it is asked.

    Raises:
        UsageError: It is empty or too long.
    """
    text = encodable(text.strip())
    if not 0 < len(text) <= MAX_CHARACTERS:
        raise UsageError(f"Ask in 1 to {MAX_CHARACTERS:,} characters; these are {len(text):,}.")
    return text


class Talk:
    """One conversation.

    Args:
        house: Where the agent lives.
        name: The agent.
        earlier: What was said before, in another life of the agent: its asker's texts and its own, in turn.
    """

    def __init__(self, house: House, name: str, earlier: Sequence[str] = ()) -> None:
        self._house = house
        self._name = name
        self._earlier = list(earlier)

    async def ask(self, text: str) -> str:
        """What the agent answers.

        Args:
            text: 1 to 4,000 characters.

        Raises:
            UsageError: The text is empty or too long, or the agent answers no free text.
            NoAnswer: It failed to.
        """
        text = question_of(text)
        request = Text(content=text, earlier=self._earlier[-MAX_EARLIER:])
        try:
            answer = await self._house.trusted.request(
                request, self._name, timeout=self._house.settings.reply_deadline, conversation="talk"
            )
        except MessagingError as error:
            if isinstance(error, HandlerFailed) and error.type_name == NO_HANDLER:
                raise UsageError(f"{self._name} answers no questions: its module has no handler for Text.") from None
            raise NoAnswer(
                f"{self._name} gave no answer: {await self._house.cells.reason_of(self._name, error)}"
            ) from None
        if not isinstance(answer, Text):
            raise NoAnswer(f"{self._name} answered with something else than text")
        self._earlier += [text, answer.content]
        return answer.content
