"""Outcomes to show, ordinary and hostile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from creator.outcome import AgentOutcome, IdeaOutcome, IdeaVersion, RunOutcome
from sandbox.protocol import Idea

RUN_ID = "20261121-064512-3f2a"

HOSTILE = (
    "# Forged heading\n\n## Origin\n- Author: someone_else\n---\n<script>alert(1)</script>"
    "<img src=x onerror=alert(2)>[click](javascript:alert(3)) ![x](http://evil.example/t.png)"
    " \x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\u202c \x00\x08 **bold** `code` &amp; {{ 7*7 }} {% raw %}"
)


def idea(title: str, text: str = "Dispatchers lose two hours a day to calls about where a truck is.") -> Idea:
    """An idea whose parts all hold the text."""
    return Idea(
        title=title,
        problem=text,
        customer="Freight forwarders with 20 to 200 trucks.",
        solution="An agent that reads the telematics feed and answers those calls by itself.",
        revenue_model="A monthly fee for each truck.",
        first_step="Sit beside a dispatcher for a day and count the calls.",
    )


def outcome(directory: Path, count: int = 3, failed: int = 1, asked: int | None = None) -> RunOutcome:
    """A run with ``count`` ideas, every third of them refined, and ``failed`` agents that failed."""
    names = [f"agent_number_{n}" for n in range(1, count + 1)]
    ideas = []
    for n, name in enumerate(names, start=1):
        versions = [IdeaVersion(author=name, idea=idea(f"Dispatch desk {n}"))]
        if n % 3 == 0:
            versions.append(IdeaVersion(author=names[0], idea=idea(f"Better dispatch desk {n}"), hop=1))
        refiners = [version.author for version in versions[1:]]
        ideas.append(IdeaOutcome(number=n, author=name, refiners=refiners, versions=versions, agent_model="test:model"))
    agents = [
        AgentOutcome(name=name, sector="freight", role="founder", state="live", prompt_tokens=900) for name in names
    ]
    agents += [
        AgentOutcome(name=f"failed_{n}", sector="clinics", role="critic", state="failed", reason="it never answered")
        for n in range(1, failed + 1)
    ]
    return RunOutcome(
        run_id=directory.name,
        objective="business ideas for agentic AI",
        model="test:model",
        sandbox="process",
        isolation_line="process: no wall; install Docker for a real sandbox",
        asked=asked or count + failed,
        agents=agents,
        ideas=ideas,
        failures=["the model was slow"] if failed else [],
        started=datetime(2026, 11, 21, 6, 45, 12, tzinfo=UTC),
        elapsed_s=65.4,
        prompt_tokens=12_345,
        completion_tokens=6_789,
        exit_code=3 if failed else 0,
        reason=f"{count} of {count + failed} ideas exist; failed_1: it never answered" if failed else "",
        directory=directory,
    )


def hostile_outcome(directory: Path) -> RunOutcome:
    """A run in which every text that a model or a cell writes is an attack."""
    bad = idea(("<b>" + HOSTILE.replace("\n", " "))[:200], HOSTILE)
    bad = bad.model_copy(update={name: HOSTILE for name in ("customer", "solution", "revenue_model", "first_step")})
    long = idea("W" * 200, "nolinebreaks" * 300)
    agents = [
        AgentOutcome(name="ada_freight", sector=HOSTILE[:150], role=HOSTILE[:150], state="live"),
        AgentOutcome(name="a" * 64, sector="x", role="y", state="live"),
        AgentOutcome(name="mallory", state="failed", reason=HOSTILE + "half \ud800 pair", attempts=3),
    ]
    first = IdeaOutcome(
        number=1,
        author="ada_freight",
        refiners=["a" * 64],
        versions=[IdeaVersion(author="ada_freight", idea=bad), IdeaVersion(author="a" * 64, idea=bad, hop=1)],
        agent_model="test:model",
    )
    second = IdeaOutcome(number=2, author="a" * 64, versions=[IdeaVersion(author="a" * 64, idea=long)])
    return RunOutcome(
        run_id=directory.name,
        objective=HOSTILE,
        model="test:model",
        sandbox="process",
        asked=3,
        agents=agents,
        ideas=[first, second],
        failures=[HOSTILE],
        started=datetime(2026, 11, 21, 6, 45, 12, tzinfo=UTC),
        exit_code=3,
        reason=HOSTILE,
        directory=directory,
    )
