"""What assistants are told of runs, ideas and agents: made from the files of the runs, cleaned and bounded."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final, TypeVar, cast

from creator.assistants import answers
from creator.assistants.answers import HONEST, NOTE, State
from creator.assistants.telling import Teller
from creator.certificate import certificate_of
from creator.errors import EnvironmentFault, UsageError
from creator.files import read_within
from creator.ledger.view import RunView, find_agent
from creator.outcome import AgentOutcome, IdeaOutcome
from creator.reporting.conclusions import agreement, conclusions, order
from creator.reporting.lineage import Lineage
from creator.reporting.standings import Standings
from creator.run_states import state_of
from creator.text import clean, clean_lines

MAX_PAGE: Final = 50
BEST: Final = 5
MAX_TEXT: Final = 4_000
"""Characters of one part of an idea, or of a remark."""
MAX_SOURCE: Final = 60_000
"""Characters of a module."""
_FEW: Final = 20
"""Most entries of a list that is no page of its own."""
_MANY: Final = 200
"""The same for lists of numbers and names."""
_SHORT: Final = 300
_OTHER: Final = re.compile(r"[^A-Za-z0-9_.:/@+-]+")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)

_Item = TypeVar("_Item")


def page(items: Sequence[_Item], offset: int, count: int) -> tuple[Sequence[_Item], int | None]:
    """A part of a list, and where the next one begins."""
    end = offset + min(count, MAX_PAGE)
    return items[offset:end], end if end < len(items) else None


class Reader:
    """Makes answers of runs.

    Args:
        teller: Takes paths and keys out of reasons.
    """

    def __init__(self, teller: Teller) -> None:
        self._line = teller.line

    def run_line(self, view: RunView, *, started_here: bool) -> answers.RunLine:
        """A run in numbers."""
        outcome = view.outcome
        return answers.RunLine(
            run=outcome.directory.name,
            state=_state(view),
            started=outcome.started,
            elapsed_s=_number(outcome.elapsed_s) or 0.0,
            model=_token(outcome.model),
            sandbox=_token(outcome.sandbox),
            asked=outcome.asked,
            ideas=len(outcome.ideas),
            live=len(outcome.live),
            failed=len(outcome.failed),
            pending=len(outcome.pending),
            prompt_tokens=outcome.prompt_tokens,
            completion_tokens=outcome.completion_tokens,
            cost_usd=_number(outcome.cost),
            started_here=started_here,
            untrusted=answers.RunWords(
                objective=clean(outcome.objective, MAX_TEXT), reason=self._line(outcome.limit or outcome.reason)
            ),
        )

    def run(self, view: RunView, *, started_here: bool) -> answers.RunAnswer:
        """A run on one page."""
        outcome = view.outcome
        standings = Standings(outcome)
        failures = [(one.name, one.reason or "no reason given") for one in outcome.failed]
        everything = [*failures, *((None, reason) for reason in outcome.failures)]
        return answers.RunAnswer(
            summary=self.run_line(view, started_here=started_here),
            note=f"{HONEST} Untrusted fields are {NOTE}.",
            best=[_idea_line(standings, idea) for idea in standings.ideas[:BEST]],
            more_failures=max(0, len(everything) - _FEW),
            untrusted=answers.RunDetails(
                isolation=self._line(outcome.isolation_line or outcome.sandbox),
                conclusions=[self._line(one.text) for one in conclusions(outcome)][:_FEW],
                failures=[
                    answers.Failure(agent=None if name is None else _name(name), reason=self._line(reason))
                    for name, reason in everything[:_FEW]
                ],
            ),
        )

    def ideas(self, view: RunView, offset: int, count: int, *, one_shot: bool) -> answers.IdeaPage:
        """The ideas of a run, in order."""
        standings = Standings(view.outcome)
        found = standings.everything if one_shot else standings.ideas
        shown, following = page(found, offset, count)
        ranking = view.outcome.ranking
        return answers.IdeaPage(
            run=view.outcome.directory.name,
            state=_state(view),
            note=f"{HONEST} Untrusted fields are {NOTE}.",
            ideas=[_idea_line(standings, idea) for idea in shown],
            total=len(found),
            next_offset=following,
            untrusted=answers.OrderWords(
                order=self._line(" ".join(f"{one.text}." for one in (order(ranking), *map(agreement, ranking.judges))))
                if ranking
                else "Order: as they came, nothing has compared them."
            ),
        )

    def idea(self, view: RunView, number: int) -> answers.IdeaAnswer:
        """An idea in full.

        Raises:
            UsageError: There is no such idea.
        """
        standings = Standings(view.outcome)
        idea = find_idea(standings, number)
        run = view.outcome.directory.name
        return answers.IdeaAnswer(
            run=run,
            place=_idea_line(standings, idea),
            contributors=[_name(name) for name in idea.contributors[:_MANY]],
            near_duplicates=standings.below(number)[:_MANY],
            model=_token(idea.agent_model or view.outcome.model),
            texts=[
                answers.TextLine(
                    place=text.place,
                    kind=text.kind,
                    author=_name(text.version.author),
                    hop=text.version.hop,
                    made_from=list(text.parents),
                    final=text.final,
                    untrusted=answers.IdeaTitle(title=clean(text.version.idea.title, 200)),
                )
                for text in Lineage(idea).texts[-_FEW:]
            ],
            note=f"{HONEST} Untrusted fields are {NOTE}.",
            markdown=f"creator://runs/{run}/ideas/{number}.md",
            untrusted=answers.IdeaWords(
                title=clean(idea.final.title, 200),
                parts={
                    clean(name, 60): clean_lines(text, MAX_TEXT).strip()
                    for name, text in standings.parts(idea.final).items()
                },
                weak=[clean(one, _SHORT) for one in idea.weak[:_FEW]],
                remarks=[
                    answers.RemarkWords(
                        author=_name(one.author), kind=one.kind, content=clean_lines(one.content, MAX_TEXT).strip()
                    )
                    for one in idea.remarks[:_FEW]
                ],
            ),
        )

    def agents(self, view: RunView, offset: int, count: int) -> answers.AgentPage:
        """The agents of a run."""
        shown, following = page(view.outcome.agents, offset, count)
        return answers.AgentPage(
            run=view.outcome.directory.name,
            state=_state(view),
            agents=[self._agent_line(view, agent) for agent in shown],
            total=len(view.outcome.agents),
            next_offset=following,
        )

    def agent(self, view: RunView, name: str, *, source: bool) -> answers.AgentAnswer:
        """An agent in full.

        Raises:
            UsageError: There is no such agent.
        """
        agent = find_agent(view.outcome, name)
        text = source_of(view, agent) if source else None
        try:
            found = certificate_of(view, agent)
        except EnvironmentFault:
            found = None
        brief = found.brief.model_dump() if found is not None and found.brief is not None else {}
        return answers.AgentAnswer(
            run=view.outcome.directory.name,
            agent=self._agent_line(view, agent),
            certificate=found
            and answers.Certificate(
                born=found.born,
                file=found.file,
                attempts=agent.attempts,
                sha256=_token(agent.sha256),
                model=_token(found.model),
                prompt_tokens=agent.prompt_tokens,
                completion_tokens=agent.completion_tokens,
                history=[answers.Moment(at=one.at, what=_token(one.what)) for one in found.history[:_MANY]],
            ),
            source_cut=text is not None and len(text) > MAX_SOURCE,
            note=f"Untrusted fields are {NOTE}.",
            untrusted=answers.AgentDetails(
                persona=clean(found.persona, _SHORT) if found is not None else "",
                brief={clean(key, 60): clean(str(value), _SHORT) for key, value in brief.items()},
                findings=[self._line(f"try {one.attempt}, {one.stage}: {one.finding}") for one in found.tries[:_FEW]]
                if found is not None
                else [],
                source=None if text is None else clean_lines(text, MAX_SOURCE),
            ),
        )

    def _agent_line(self, view: RunView, agent: AgentOutcome) -> answers.AgentLine:
        ideas = view.outcome.ideas
        return answers.AgentLine(
            name=_name(agent.name),
            state=agent.state,
            author=_token(agent.author),
            template=_token(agent.template),
            generation=agent.generation,
            parents=[_name(one) for one in agent.parents[:_FEW]],
            asked_by=_name(agent.asked_by) if agent.asked_by else "",
            ideas=[idea.number for idea in ideas if idea.author == agent.name][:_MANY],
            contributed=[idea.number for idea in ideas if agent.name in idea.contributors][:_MANY],
            untrusted=answers.AgentWords(
                sector=clean(agent.sector, _SHORT),
                role=clean(agent.role, _SHORT),
                reason=self._line(agent.reason),
            ),
        )


def find_idea(standings: Standings, number: int) -> IdeaOutcome:
    """An idea of a run, be it an agent's or a one-shot one.

    Raises:
        UsageError: There is no such idea.
    """
    found = next((idea for idea in standings.everything if idea.number == number), None)
    if found is None:
        raise UsageError(
            f"No idea {number} in run {standings.outcome.directory.name}: list_ideas tells which there are."
        )
    return found


def source_of(view: RunView, agent: AgentOutcome) -> str:
    """The module of an agent as it is on disk.

    Args:
        view: Its run.
        agent: As `find_agent` gave it: its name is part of a path.

    Raises:
        UsageError: It has none, or one that is no text of ours.
    """
    try:
        return read_within(view.outcome.directory, f"agents/{agent.name}.py").decode("utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"Agent {agent.name} has no module: {clean(agent.reason, _SHORT) or 'none was written'}."
        ) from None
    except (OSError, ValueError):
        raise UsageError(f"The module of {agent.name} cannot be read: it is no text file of ours.") from None


def _idea_line(standings: Standings, idea: IdeaOutcome) -> answers.IdeaLine:
    place = standings.place(idea.number)
    return answers.IdeaLine(
        number=idea.number,
        author=_name(idea.author),
        generation=idea.generation,
        source=idea.source,
        rank=place and place.rank,
        rating=place and _number(place.rating),
        low=place and _number(place.low),
        high=place and _number(place.high),
        wins=place and _number(place.wins),
        comparisons=place and place.comparisons,
        like=standings.above(idea.number),
        weak=bool(idea.weak),
        untrusted=answers.IdeaTitle(title=clean(idea.final.title, 200)),
    )


def _state(view: RunView) -> State:
    return cast(State, state_of(view))


def _name(text: str) -> str:
    """A name of an agent; whatever has not the form of one is not passed on."""
    return text if _NAME.fullmatch(text) else "(no name)"


def _token(text: str) -> str:
    """The name of a model, a template and the like, without what sentences are made of."""
    return clean(_OTHER.sub("-", text[:_SHORT]), 100).strip("-")


def _number(value: float | None) -> float | None:
    """A number that JSON can hold."""
    return value if value is not None and math.isfinite(value) else None
