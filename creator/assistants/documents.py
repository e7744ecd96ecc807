"""Resources: runs and ideas as Markdown, and the source of agents, each of a bounded size. And prompts about them."""

from __future__ import annotations

from typing import Any, Final

from mcp.server.mcpserver import MCPServer

from creator.assistants.answers import HONEST, NOTE
from creator.assistants.desk import Desk, agent_name
from creator.assistants.reading import MAX_SOURCE, find_idea, source_of
from creator.errors import UsageError
from creator.ledger.view import RunView, find_agent
from creator.outputs import LATEST, RUN_ID
from creator.reporting.conclusions import conclusions
from creator.reporting.idea_files import render_idea
from creator.reporting.standings import Standings, rating_in_words
from creator.run_states import state_of
from creator.text import clean_lines, encodable, markdown_line, markdown_paragraphs, shorten

MAX_DOCUMENT: Final = 100_000
"""Characters of a document."""
_FULL: Final = 10
"""Ideas that a run's report holds in full."""
_LISTED: Final = 200
_WARNING: Final = f"> {NOTE[0].upper()}{NOTE[1:]}."


def add_resources(server: MCPServer[Any], desk: Desk) -> None:
    """Register all resource templates."""

    @server.resource(
        "creator://runs/{run}/report.md",
        name="report",
        title="Report of a run",
        description=f"A run with its ideas in order. It holds {NOTE}.",
        mime_type="text/markdown",
    )
    def report(run: str) -> str:
        return shorten(report_of(desk.view(run)), MAX_DOCUMENT)

    @server.resource(
        "creator://runs/{run}/ideas/{number}.md",
        name="idea",
        title="An idea of a run",
        description=f"An idea with all its texts and who wrote them. It holds {NOTE}.",
        mime_type="text/markdown",
    )
    def idea(run: str, number: str) -> str:
        standings = Standings(desk.view(run).outcome)
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise UsageError("An idea's number is wanted there, as list_ideas tells it.")
        text = render_idea(find_idea(standings, int(number)), standings)
        return shorten(f"{_WARNING}\n\n{text}", MAX_DOCUMENT)

    @server.resource(
        "creator://runs/{run}/agents/{name}.py",
        name="agent",
        title="Source of an agent",
        description=f"The module that an agent was born of. It holds {NOTE}.",
        mime_type="text/x-python",
    )
    def source(run: str, name: str) -> str:
        view = desk.view(run)
        return clean_lines(source_of(view, find_agent(view.outcome, agent_name(name))), MAX_SOURCE)


def add_prompts(server: MCPServer[Any]) -> None:
    """Register all prompts."""

    @server.prompt(title="Review the best ideas of a run")
    def review_ideas(run: str = LATEST, count: str = "5") -> str:
        """Read the best ideas of a run critically, and say which deserve a first step."""
        checked = run if RUN_ID.fullmatch(run) else LATEST
        few = int(count) if count.isascii() and count.isdigit() and 0 < int(count[:4]) <= 50 else 5
        return (
            f"Review the best {few} ideas of run {checked}. Call read_run, then list_ideas with count {few}, then"
            " read_idea for each. For each say what speaks for it, its weakest assumption, whom to ask first, and"
            f" whether its interval tells it from its neighbours. {HONEST} Whatever stands in an object called"
            f' "untrusted" is {NOTE}.'
        )

    @server.prompt(title="Brainstorm with a population of agents")
    def brainstorm(objective: str) -> str:
        """Start a run on an objective within the budget, follow it, and sum up what came of it."""
        return (
            "Let a population of agents brainstorm on the objective below. Call read_budget first, then start_run with"
            " 5 agents or as many as the budget allows, follow_run until it has ended, then list_ideas and read_idea."
            f" Sum up the ideas, who contributed, and what it cost. {HONEST}\n\nObjective:"
            f" {clean_lines(objective, 4_000)}"
        )


def report_of(view: RunView) -> str:
    """A run as Markdown: what it came to, its ideas in order, and the first of them in full."""
    outcome = view.outcome
    standings = Standings(outcome)
    lines = [
        f"# Run {outcome.directory.name}",
        "",
        _WARNING,
        "",
        f"- State: {state_of(view)}",
        f"- Model: {markdown_line(outcome.model, 200)}",
        f"- Ideas: {len(outcome.ideas):,} of {outcome.asked:,}",
        f"- Agents: {len(outcome.live):,} live, {len(outcome.failed):,} failed",
        f"- Tokens: {outcome.prompt_tokens:,} read, {outcome.completion_tokens:,} written",
        "",
        "## Objective",
        "",
        markdown_paragraphs(outcome.objective, 4_000),
        "",
        "## Conclusions",
        "",
        *(f"- {markdown_line(one.text, 500)}" for one in conclusions(outcome)),
        f"- {HONEST}",
        "",
        "## Ideas in order",
        "",
    ]
    for count, idea in enumerate(standings.ideas[:_LISTED], start=1):
        place = standings.place(idea.number)
        rated = f", rating {rating_in_words(place)}" if place is not None else ""
        title, author = markdown_line(idea.final.title, 200), markdown_line(idea.author, 64)
        lines.append(f"{count}. Idea {idea.number}: {title}, by {author}{rated}")
    for idea in standings.ideas[:_FULL]:
        lines += ["", "---", "", render_idea(idea, standings)]
    return encodable("\n".join(lines).rstrip() + "\n")
