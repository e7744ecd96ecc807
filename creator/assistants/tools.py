"""The tools that assistants call: thin, as what they tell is made in `reading`, and what they start elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations
from pydantic import Field

from creator.assistants import answers
from creator.assistants.desk import Desk, agent_name
from creator.assistants.reading import MAX_PAGE, page
from creator.assistants.started import Order, wait_telling
from creator.errors import CreatorError
from creator.ledger.view import load_run, run_names
from creator.objectives import MAX_OBJECTIVE
from creator.settings import MAX_AGENTS
from creator.talk import MAX_CHARACTERS
from creator.text import clean_lines

LONGEST_WAIT: Final = 50
"""Seconds: clients give up on a request after about a minute."""
_LOOK_SECONDS: Final = 0.5

_READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_SPENDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
_STOPS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
_MARKED: Final = f'Objects called "untrusted" hold {answers.NOTE}.'

Run = Annotated[str, Field(description="A run's id as list_runs tells it, or latest.", max_length=40)]
Agent = Annotated[str, Field(description="An agent's name as list_agents tells it.", max_length=64)]
Offset = Annotated[int, Field(description="How many to leave out, for the next page.", ge=0, le=1_000_000)]
Count = Annotated[int, Field(description="How many at most.", ge=1, le=MAX_PAGE)]
Tool = Callable[..., Any]


def add_tools(server: MCPServer[Any], desk: Desk) -> None:
    """Register all tools.

    Args:
        server: Where.
        desk: What they work with.
    """
    for tools, hints in ((_reading(desk), _READS), (_spending(desk), _SPENDS), (_stopping(desk), _STOPS)):
        for tool, title, description in tools:
            server.add_tool(
                tool,
                title=title,
                description=f"{description} {_MARKED}",
                annotations=hints.model_copy(update={"title": title}),
                structured_output=True,
            )


def _reading(desk: Desk) -> list[tuple[Tool, str, str]]:
    """What reads and changes nothing; run in threads by the SDK, as files may be large."""
    reader = desk.reader

    def list_runs(offset: Offset = 0, count: Count = 20) -> answers.RunPage:
        names, following = page(run_names(desk.output)[::-1], offset, count)
        runs: list[answers.RunLine] = []
        unreadable: list[answers.UnreadableRun] = []
        for name in names:
            try:
                view = load_run(desk.output / name)
                runs.append(reader.run_line(view, started_here=name in desk.started))
            except (CreatorError, OSError) as error:
                reason = desk.teller.error(error) or "its files cannot be read"
                unreadable.append(answers.UnreadableRun(run=name, reason=reason))
        total = len(run_names(desk.output))
        return answers.RunPage(runs=runs, unreadable=unreadable, total=total, next_offset=following)

    def read_run(run: Run = "latest") -> answers.RunAnswer:
        view = desk.view(run)
        return reader.run(view, started_here=view.outcome.directory.name in desk.started)

    def list_ideas(
        run: Run = "latest",
        offset: Offset = 0,
        count: Count = 20,
        one_shot: Annotated[bool, Field(description="With the ideas that no agent had a part in.")] = False,
    ) -> answers.IdeaPage:
        return reader.ideas(desk.view(run), offset, count, one_shot=one_shot)

    def read_idea(
        number: Annotated[int, Field(description="As list_ideas tells it.", ge=1)], run: Run = "latest"
    ) -> answers.IdeaAnswer:
        return reader.idea(desk.view(run), number)

    def list_agents(run: Run = "latest", offset: Offset = 0, count: Count = 20) -> answers.AgentPage:
        return reader.agents(desk.view(run), offset, count)

    def read_agent(
        name: Agent,
        run: Run = "latest",
        source: Annotated[bool, Field(description="With its Python module.")] = False,
    ) -> answers.AgentAnswer:
        return reader.agent(desk.view(run), agent_name(name), source=source)

    async def read_budget() -> answers.BudgetAnswer:
        return desk.budget

    async def follow_run(
        ctx: Context[Any, Any],
        run: Run = "latest",
        seconds: Annotated[int, Field(description="How long to wait at most.", ge=1, le=LONGEST_WAIT)] = 30,
    ) -> answers.RunAnswer:
        folder = desk.folder(run)
        end = time.monotonic() + seconds
        told = -1
        while True:
            view = await asyncio.to_thread(load_run, folder)
            outcome = view.outcome
            if (done := len(outcome.live) + len(outcome.ideas)) > told:
                message = f"{len(outcome.live)} agents live, {len(outcome.ideas)} of {outcome.asked} ideas"
                await ctx.report_progress(done, None, message)
                told = done
            if view.state != "running" or time.monotonic() >= end:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        if view.state != "running":
            await desk.started.settled(folder.name)  # so that read_budget tells what came back
        return reader.run(view, started_here=folder.name in desk.started)

    return [
        (list_runs, "List runs", "All runs, newest first, in pages."),
        (read_run, "Read a run", "A run on one page: state, numbers, cost, conclusions, best ideas, failures."),
        (follow_run, "Follow a run", "Wait until a run has ended, or so many seconds; then the same as read_run."),
        (list_ideas, "List ideas", "The ideas of a run in the order of the judge's preference, in pages."),
        (read_idea, "Read an idea", "An idea: its parts, place with interval, contributors, lineage, remarks."),
        (list_agents, "List agents", "The agents of a run, in pages."),
        (read_agent, "Read an agent", "An agent: what it is, how it came to be, and its source on demand."),
        (read_budget, "Read the budget", "What may still be spent on new runs and on questions to agents."),
    ]


def _spending(desk: Desk) -> list[tuple[Tool, str, str]]:
    """What asks a model, and so may cost money."""

    async def ask_agent(
        name: Agent,
        question: Annotated[str, Field(description="What to ask.", min_length=1, max_length=MAX_CHARACTERS)],
        ctx: Context[Any, Any],
        run: Run = "latest",
    ) -> answers.AgentSays:
        view = await asyncio.to_thread(desk.view, run)
        work = desk.questions.ask(view, agent_name(name), clean_lines(question))
        answer = await wait_telling(work, _ticking(ctx, f"{name} is being asked"))
        return answers.AgentSays(
            run=view.outcome.directory.name,
            agent=name,
            note=f"Untrusted fields are {answers.NOTE}.",
            untrusted=answers.Spoken(answer=answer),
        )

    async def start_run(
        count: Annotated[int, Field(description="How many agents, and so how many ideas.", ge=1, le=MAX_AGENTS)],
        ctx: Context[Any, Any],
        objective: Annotated[
            str | None,
            Field(
                description="What they work on; left out: business ideas for agentic AI.",
                min_length=1,
                max_length=MAX_OBJECTIVE,
            ),
        ] = None,
        max_tokens: Annotated[int | None, Field(description="For this run; left out: all that is left.", ge=1)] = None,
        max_cost: Annotated[
            float | None, Field(description="US dollars for this run; left out: all that is left.", gt=0)
        ] = None,
    ) -> answers.StartedAnswer:
        work = desk.started.start(
            Order(count, None if objective is None else clean_lines(objective), max_tokens, max_cost)
        )
        run = await wait_telling(work, _ticking(ctx, "the run is starting"))
        return answers.StartedAnswer(
            run=run, next="Call follow_run until its state is no longer running, then list_ideas.", budget=desk.budget
        )

    return [
        (
            ask_agent,
            "Ask an agent",
            "Bring a live agent of a run back to life in a sandbox and ask it one question. Costs what the budget"
            " allows; it knows nothing of earlier questions.",
        ),
        (
            start_run,
            "Start a run",
            "Spawn agents that work on an objective, within the budget that the person has set; returns once the run"
            " has begun. It ends with this server.",
        ),
    ]


def _stopping(desk: Desk) -> list[tuple[Tool, str, str]]:
    async def stop_run(run: Run) -> answers.StoppedAnswer:
        name = desk.folder(run).name
        ended = await desk.started.stop(name)
        return answers.StoppedAnswer(run=name, ended=ended, budget=desk.budget)

    return [
        (stop_run, "Stop a run", "End a run that this server started, in order; what it has made is kept."),
    ]


def _ticking(ctx: Context[Any, Any], message: str) -> Callable[[float], Awaitable[None]]:
    """Tells that something takes its time, so that a client does not give up."""

    async def tell(seconds: float) -> None:
        await ctx.report_progress(seconds, None, message)

    return tell
