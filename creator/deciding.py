"""Deciding about agents from elsewhere than the terminal of their run: from another one, or from the live page.

Each decision is about exactly one module. It is written into the run's ledger, where a run that goes on finds it. A run
that has ended is opened again for those who may live, which is up to whoever decided so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from creator.authors import checked
from creator.errors import UsageError
from creator.files import digest
from creator.ledger.store import FILE_NAME, Decision, Ledger
from creator.ledger.view import RunView, find_agent
from creator.locks import is_locked
from creator.modules import load_agent
from creator.outcome import AgentOutcome
from creator.spawning import give_up
from creator.text import clean, encodable

MAX_REASON = 300
"""Characters of a reason; the next prompt holds them."""
_MOST_NAMED = 8


def goes_on(view: RunView) -> bool:
    """Whether a process works on a run, or is about to, so that it will find what is decided."""
    return view.state == "running" or is_locked(view.outcome.directory)


def waiting_names(view: RunView) -> str:
    """Who waits for a decision, in words."""
    names = [agent.name for agent in view.outcome.pending]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more if names else "nobody waits"


def agent_in_state(view: RunView, name: str, state: str) -> AgentOutcome:
    """An agent about which something of this kind can be decided.

    Raises:
        UsageError: There is none of this name, or it is in another state.
    """
    agent = find_agent(view.outcome, name)
    if agent.state != state:
        waiting = f" Waiting: {waiting_names(view)}." if state == "pending" else ""
        raise UsageError(f"Agent {agent.name!r} is {agent.state}, not {state}.{waiting}")
    return agent


def reason_of(why: str) -> str:
    """A reason within its bounds.

    Raises:
        UsageError: It is empty.
    """
    reason = clean(why, MAX_REASON)
    if not reason:
        raise UsageError("Give a reason, such as: too close to the others, be more daring.")
    return reason


def decide(
    view: RunView,
    agents: Sequence[AgentOutcome],
    decision: Decision,
    why: str = "",
    *,
    shown: Mapping[str, str] | None = None,
) -> None:
    """Put a decision about agents on record.

    Args:
        view: Their run.
        agents: Whom.
        decision: What.
        why: The reason.
        shown: By name: the SHA-256 of the module that the person looked at, in hexadecimal; None where the one on
            record is meant.

    Raises:
        UsageError: A module is not the one that the person looked at, or not the one that was checked.
        EnvironmentFault: A module or the ledger cannot be read, or not be written.
    """
    for agent in agents:
        _check_shown(agent, shown)
        if decision == "approved":
            _unchanged(view, agent)
    with _ledger(view) as ledger:
        for agent in agents:
            ledger.withdraw_edits(agent.name, agent.sha256, f"it was {decision} instead")
            ledger.record_decision(agent.name, agent.sha256, decision, why)


def reject(view: RunView, agents: Sequence[AgentOutcome], why: str, *, shown: Mapping[str, str] | None = None) -> None:
    """Don't let agents live: each is written anew with the reason, or given up where their run has ended.

    Args:
        view: Their run.
        agents: Whom.
        why: The reason, which must not be empty.
        shown: As for `decide`.

    Raises:
        UsageError: There is no reason, or a module is not the one that the person looked at.
        EnvironmentFault: Files of the run cannot be read or written.
    """
    reason = reason_of(why)
    decide(view, agents, "rejected", reason, shown=shown)
    if not goes_on(view):
        give_up(view.outcome, [agent.name for agent in agents], f"a person rejected it: {reason}")


def order_edit(view: RunView, agent: AgentOutcome, source: str, *, shown: Mapping[str, str] | None = None) -> None:
    """Put on record what a person wrote in place of a module that waits. The run checks it before it has an effect.

    Args:
        view: The agent's run.
        agent: Who waits.
        source: The new module.
        shown: As for `decide`: the module that was edited.

    Raises:
        PolicyViolation: The policy refuses the new module; the text lists rule, line and column.
        UsageError: Nothing was changed, or the module that was edited is another one by now.
        EnvironmentFault: The module or the ledger cannot be read, or not be written.
    """
    _check_shown(agent, shown)
    source = encodable(source)
    if source == _unchanged(view, agent):
        raise UsageError(f"Nothing was changed in the module of {agent.name!r}.")
    checked(source, agent.name)
    with _ledger(view) as ledger:
        ledger.record_edit(agent.name, agent.sha256, source)


def _check_shown(agent: AgentOutcome, shown: Mapping[str, str] | None) -> None:
    if shown is not None and shown.get(agent.name) != agent.sha256:
        raise UsageError(f"{agent.name!r} has another module by now than the one that you looked at: look again.")


def _unchanged(view: RunView, agent: AgentOutcome) -> str:
    """An agent's module, which is the one that was checked."""
    source = load_agent(view.outcome.directory / "agents", agent.name).source
    if digest(source) != agent.sha256:
        raise UsageError(f"The module of {agent.name!r} was changed since it was checked: reject it instead.")
    return source


@contextmanager
def _ledger(view: RunView) -> Iterator[Ledger]:
    ledger = Ledger.open(view.outcome.directory / FILE_NAME)
    try:
        yield ledger
    finally:
        asyncio.run(ledger.close())
