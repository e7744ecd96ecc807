"""What is left to do of a run that ended before its time: which agents are started again, and which are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from creator.agents.messages import Created
from creator.authors import checked
from creator.breeding.heritage import Heritage
from creator.briefs import Brief
from creator.errors import EnvironmentFault, PolicyViolation
from creator.files import digest
from creator.ledger.store import BirthRow
from creator.ledger.view import load_ledger_outcome, load_run
from creator.modules import Modules
from creator.outcome import AgentOutcome, RunOutcome, StartedRun
from creator.wishes import Wish

_HERITAGE = TypeAdapter(Heritage)


def load_earlier(directory: Path) -> RunOutcome:
    """What a run has come to, as its ledger tells it; what was concluded of its ideas as its record does.

    Raises:
        EnvironmentFault: Its files are missing or damaged.
    """
    last = load_run(directory).outcome
    kept = last.model_dump(include={"run_id", "objective", "model", "sandbox", "isolation_line", "asked", "started"})
    kept["estimate"] = last.estimate
    earlier = load_ledger_outcome(directory, StartedRun(**kept))
    return earlier.model_copy(update={"elapsed_s": last.elapsed_s})


def wish_from(row: BirthRow) -> Wish:
    """A wish as it is on record.

    Raises:
        ValueError: The record does not fit.
    """
    return Wish(
        row.number,
        Brief.model_validate(row.brief),
        row.template,
        tuple(row.parents),
        generation=row.generation,
        asked_by=row.asked_by,
        heritage=None if row.heritage is None else _HERITAGE.validate_python(row.heritage),
    )


def row_of(wish: Wish) -> BirthRow:
    """A wish as it is put on record."""
    kept = wish.draft.blueprint.name if wish.draft is not None and not wish.restart else ""
    return BirthRow(
        number=wish.number,
        generation=wish.generation,
        asked_by=wish.asked_by,
        template=wish.template,
        brief=wish.brief.model_dump(),
        parents=list(wish.parents),
        heritage=None if wish.heritage is None else _HERITAGE.dump_python(wish.heritage, mode="json"),
        kept=kept,
    )


def last_generation(births: Iterable[BirthRow]) -> int:
    """The newest generation that was begun."""
    return max((row.generation for row in births), default=0)


def wishes_again(
    births: Sequence[BirthRow],
    agents: Iterable[AgentOutcome],
    delivered: set[int],
    parents: Sequence[str],
    modules: Modules,
    kept: Sequence[Created],
    talks: dict[str, int],
    findings: Mapping[tuple[int, int], str],
) -> list[Wish]:
    """The agents of a run's newest generation and their parents, and whoever else owes an idea.

    Who lived before is started from its module, exactly as it is on record. Who was given up is tried again; and so is
    who had not come so far.

    Args:
        births: All that were wished for.
        agents: What is known of those who came to something.
        delivered: Numbers of those whose idea is there.
        parents: Names of those of earlier generations that the newest one was bred from.
        modules: Where their modules are.
        kept: The agents of the library that take part.
        talks: By agent: how many conversations there were that came to no idea.
        findings: By birth and try: why the try came to nothing.
    """
    known = {agent.number: agent for agent in agents}
    library = {one.blueprint.name: one for one in kept}
    newest = last_generation(births)
    wishes = []
    for row in births:
        agent = known.get(row.number)
        name = agent.name if agent is not None else ""
        if row.generation < newest and row.number in delivered and name not in parents:
            continue
        wish = wish_from(row)
        draft, lived = _module(agent, modules), agent is not None and agent.state != "pending"
        if draft is None:
            draft, lived = library.get(row.kept), False
        tries = agent.attempts if agent is not None and (agent.state != "pending" or draft is not None) else 0
        if draft is not None and not lived:
            tries = max(0, tries - 1)  # the try that the draft is of is still going on
        wishes.append(
            Wish(
                wish.number,
                wish.brief,
                wish.template,
                wish.parents,
                draft,
                wish.generation,
                wish.asked_by,
                wish.heritage,
                restart=lived and draft is not None,
                tries=tries,
                talks=talks.get(name, 0),
                feedback="" if draft is not None else findings.get((row.number, tries), ""),
            )
        )
    return wishes


def _module(agent: AgentOutcome | None, modules: Modules) -> Created | None:
    """An agent's module, if it is what the record says; a copy is kept of one that somebody has changed since."""
    if agent is None or not agent.sha256:
        return None
    try:
        draft = modules.load(agent.name)
        if digest(draft.source) != agent.sha256 and agent.state != "pending":  # about that one nobody has decided yet
            modules.keep_earlier(agent.name)
            return None
        checked(draft.source, agent.name)
    except (EnvironmentFault, PolicyViolation, OSError):
        return None
    return draft
