"""The texts of an idea as a graph: which was made from which, by whom, and which is the final one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from creator.outcome import IdeaVersion, Remark
from sandbox.protocol import Idea, Opinion


@dataclass(frozen=True)
class Asked:
    """What one agent asked another about an idea, and what it was answered; names are as the host knows them.

    Attributes:
        number: Tells requests apart, in the order in which they came.
        answering: The number of the request that the sender was answering.
        until: The number of the newest request when this one was answered.
        sender: Who asked.
        target: Who answered.
        kind: The pattern of a refinement, or the kind of an opinion.
        idea: The text that it is about.
        answer: The refined text, or an opinion.
    """

    number: int
    answering: int
    until: int
    sender: str
    target: str
    kind: str
    idea: Idea
    answer: Idea | Opinion


@dataclass(eq=False)
class _Text:
    """One text; ``aside`` when no chain of refinements leads over it: its author's own, or one made in a panel."""

    author: str
    idea: Idea
    hop: int
    parents: list[_Text]
    aside: bool
    content: str = field(init=False)
    """All of it, to be compared with others."""

    def __post_init__(self) -> None:
        self.content = self.idea.model_dump_json()


@dataclass
class _Answering:
    """An agent at work on one request: its colleague's, or the one that the author delivers its idea for."""

    name: str
    given: _Text | None
    """The text that it was asked to refine; None for the author."""
    hop: int
    in_panel: bool
    asked: list[tuple[Asked, _Text, _Text | None]] = field(default_factory=list)
    """What it asked others, with the text that it sent and the one that it got back (None for an opinion)."""

    def known(self, at: float) -> list[_Text]:
        """The texts that it had written or seen when request ``at`` came, each once."""
        texts = [self.given] if self.given is not None else []
        for one, sent, came in self.asked:
            texts += [sent, came] if came is not None and one.until < at else [sent]
        return list(dict.fromkeys(texts))

    def heard(self, at: float) -> list[_Text]:
        """What a text that it wrote then was made from: the texts that it had got an answer about, and the answers."""
        texts: list[_Text] = []
        for one, sent, came in self.asked:
            if one.until < at:
                texts += [sent, came] if came is not None else [sent]
        return list(dict.fromkeys(texts)) or ([self.given] if self.given is not None else [])


class _Graph:
    """Grows by what agents asked each other, from the author on."""

    def __init__(self, asked: Iterable[Asked], author: str) -> None:
        self.texts: list[_Text] = []
        """Each after those that it was made from."""
        self.remarks: list[tuple[Asked, _Text]] = []
        self._asked_for: dict[int, list[Asked]] = {}
        self._by_author: list[Asked] = []
        for one in sorted(asked, key=lambda one: one.number):
            if one.sender == author:  # nobody takes part twice, so all that it asks is for its own idea
                self._by_author.append(one)
            else:
                self._asked_for.setdefault(one.answering, []).append(one)

    def delivered(self, author: str, idea: Idea) -> _Text:
        """The text that the author delivered, after all that it was made from."""
        return self._answer(_Answering(author, None, 0, False), self._by_author, idea, math.inf)

    def _answer(self, work: _Answering, asked: Sequence[Asked], answer: Idea, at: float) -> _Text:
        """The text that an agent answered with, after those that came about on the way."""
        for one in asked:
            sent = self._text(work, one.idea, one.number)
            came = None
            if isinstance(one.answer, Opinion):
                self.remarks.append((one, sent))
            else:
                hop = max(work.hop, sent.hop) + 1
                below = _Answering(one.target, sent, hop, work.in_panel or one.kind == "panel")
                came = self._answer(below, self._asked_for.pop(one.number, []), one.answer, one.until + 0.5)
            work.asked.append((one, sent, came))
        return self._text(work, answer, at)

    def _text(self, work: _Answering, idea: Idea, at: float) -> _Text:
        """A text that an agent sent or answered with: one that it knew, whoever wrote that, or a new one of its own."""
        content = idea.model_dump_json()
        for known in work.known(at):
            if known.content == content:
                return known
        parents = work.heard(at)
        answered = any(one.until < at for one, _, _ in work.asked)
        hop = max([work.hop + answered, *(parent.hop for parent in parents)])
        text = _Text(work.name, idea, hop, parents, aside=work.in_panel or work.given is None)
        self.texts.append(text)
        return text

    def end_from(self, start: _Text) -> _Text:
        """The end of the longest chain of refinements of a text; itself when there is none."""
        far = {start: 0}
        for text in self.texts:
            steps = [far[parent] for parent in text.parents if parent in far]
            if steps and not text.aside:
                far[text] = max(steps) + 1
        return max(far, key=lambda text: far[text])


def lineage_of(asked: Sequence[Asked], author: str, idea: Idea, last: int) -> tuple[list[IdeaVersion], list[Remark]]:
    """An idea's texts, the author's own first one first and the final one last, and what was said about them.

    A text is known by its words. Whoever sends or answers with words that it had been given passes them on, and they
    stay those of their writer; all others are a version of its own. Its parents are the texts that its writer had got
    an answer about by then, and the refinements that it had got: for an idea that an author made of a panel's answers
    the draft and all of these. Where it had got none, it is the text that it was asked to refine.

    The final text is the end of the longest chain of refinements from what the author delivered on: in a bounce or a
    relay, where it delivers its draft, the last colleague's version. What came about in a panel counts only when the
    author merged it: where it delivered its draft all the same, the draft is final. A final text that others have
    been made from, or that is the first one already, stands at the end once more, by the same author, with its first
    place as its parent.

    Args:
        asked: What was asked and answered in the conversation.
        author: Whose idea it is.
        idea: What the author delivered.
        last: The highest id of a text so far; these get the following ones.

    Returns:
        The versions, in order; and the remarks, in the order in which they were asked for.
    """
    graph = _Graph(asked, author)
    final = graph.end_from(graph.delivered(author, idea))
    texts = graph.texts
    if len(texts) > 1 and (final is texts[0] or any(final in text.parents for text in texts)):
        final = _Text(final.author, final.idea, final.hop + 1, [final], final.aside)
    texts = [*(text for text in texts if text is not final), final]
    ids = {text: number for number, text in enumerate(texts, start=last + 1)}
    versions = [
        IdeaVersion(
            author=text.author,
            idea=text.idea,
            hop=text.hop,
            id=ids[text],
            parents=[ids[parent] for parent in text.parents],
        )
        for text in texts
    ]
    remarks = [
        Remark(author=one.target, kind=one.kind, about=ids[text], content=one.answer.content)
        for one, text in graph.remarks
        if isinstance(one.answer, Opinion)
    ]
    return versions, remarks
