"""Why a run did not come to what was asked for, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from creator.outcome import AgentOutcome
from creator.spending.limits import way_on


def reason_for(
    asked: int,
    made: int,
    agents: Sequence[AgentOutcome],
    failures: Sequence[str],
    interrupted: bool,
    limit: str,
    run_id: str,
) -> str:
    """Why the exit code is not 0, in one line; empty when it is.

    Args:
        asked: How many ideas were asked for.
        made: How many exist.
        agents: Everybody, whatever they came to.
        failures: What else went wrong, a line each.
        interrupted: Whether the user ended it.
        limit: The limit that ended it before its end.
        run_id: The run's.
    """
    if interrupted:
        return f"interrupted: {made} of {asked} ideas are written; go on: python -m creator runs resume {run_id}"
    if limit:
        return f"{made} of {asked} ideas exist; {limit}; go on with: {way_on(limit, run_id)}"
    if made >= asked:
        return ""
    pending = [agent.name for agent in agents if agent.state == "pending"]
    if pending:
        wait = f"{pending[0]} waits" if len(pending) == 1 else f"{pending[0]} and {len(pending) - 1} more wait"
        return f"{made} of {asked} ideas exist; {wait} for your decision: python -m creator agents approve {pending[0]}"
    reasons = [*failures, *(f"{agent.name}: {agent.reason}" for agent in agents if agent.state == "failed")]
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    again = ""
    if any(agent.state == "failed" for agent in agents):  # they are written anew then
        again = f"; try them again: python -m creator runs resume {run_id}"
    return f"{made} of {asked} ideas exist; {reasons[0] if reasons else 'no reason known'}{more}{again}"
