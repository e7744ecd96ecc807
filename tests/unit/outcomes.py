"""Outcomes to show, ordinary and hostile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from creator.outcome import (
    AgentOutcome,
    BaselineReport,
    Diversity,
    GenerationReport,
    IdeaOutcome,
    IdeaVersion,
    JudgeReport,
    Preferred,
    Ranking,
    RatedIdea,
    Remark,
    RunOutcome,
    contributors_of,
)
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
        contributors = [version.author for version in versions[1:]]
        ideas.append(
            IdeaOutcome(number=n, author=name, contributors=contributors, versions=versions, agent_model="test:model")
        )
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


ONE_SHOT_FROM = 100_001
TITLES = (
    "Dispatch desk for small hauliers",
    "Stock counts for market gardens",
    "Night calls of a vet practice, answered",
    "Returns desk for online shops",
    "Reading meters for housing co-ops",
    "A foreman's diary that writes itself",
    "Grant letters for village museums",
    "Seat plans for school buses",
)


def with_lineage(one: IdeaOutcome, first: int, colleagues: list[str]) -> IdeaOutcome:
    """The idea with two refinements of its first text side by side, the author's merged text, and remarks.

    Args:
        one: An idea.
        first: The id of its first text.
        colleagues: Two or three names.
    """
    own = one.versions[0]
    title = own.idea.title
    made = [(colleagues[0], [first], 1), (colleagues[1], [first], 1), (one.author, [first + 1, first + 2], 2)]
    versions = [IdeaVersion(author=one.author, idea=own.idea, id=first)]
    versions += [
        IdeaVersion(author=name, idea=idea(f"{title}, text {place}"), id=first + place - 1, parents=parents, hop=hop)
        for place, (name, parents, hop) in enumerate(made, start=2)
    ]
    remarks = [
        Remark(author=colleagues[-1], kind="critique", about=first, content="Nobody pays before the first month ends."),
        Remark(author=colleagues[0], kind="pro", about=first + 1, content="Dispatchers ask for it by name."),
        Remark(author="judge", kind="verdict", about=first + 3, content="Keep it: the price is stated."),
    ]
    contributors = contributors_of(one.author, versions, remarks)
    return one.model_copy(update={"versions": versions, "remarks": remarks, "contributors": contributors})


def ranked_outcome(directory: Path, count: int = 20, one_shots: int = 4, generations: int = 3) -> RunOutcome:
    """A run with all that can be told of one.

    A judge prefers the last idea most; every fifth idea is like the one after it, every seventh is weak, every
    third has a lineage of four texts.
    """
    plain = outcome(directory, count=count, failed=0)
    names = [agent.name for agent in plain.agents]
    ideas = []
    for one in plain.ideas:
        title = TITLES[one.number % len(TITLES)]
        own = one.versions[0].model_copy(update={"idea": idea(title), "id": 10 * one.number})
        weak = ["it names no customer", "its first step says the same as its title"] if one.number % 7 == 0 else []
        changes = {"versions": [own], "contributors": [], "weak": weak, "conversation": f"c-{one.number}"}
        one = one.model_copy(update={**changes, "generation": generations * (one.number - 1) // count})
        others = [name for name in names[:4] if name != one.author][:3]
        ideas.append(with_lineage(one, 10 * one.number, others) if one.number % 3 == 0 else one)
    baseline = [
        IdeaOutcome(
            number=ONE_SHOT_FROM + n,
            author="one-shot",
            versions=[IdeaVersion(author="one-shot", idea=idea(f"Plain {TITLES[n % len(TITLES)]}"), id=50_000 + n)],
            source="one-shot",
        )
        for n in range(one_shots)
    ]
    under = {number: number + 1 for number in range(5, count, 5)}
    rated = [one.number for one in [*ideas, *baseline] if one.number not in under]
    rated.sort(key=lambda number: (number >= ONE_SHOT_FROM, -number))
    places = []
    for rank, number in enumerate(rated, start=1):
        rating = 1_500 + 400 * (0.5 - rank / len(rated))
        places.append(
            RatedIdea(
                number=number, rank=rank, rating=rating, low=rating - 90, high=rating + 70, wins=4.5, comparisons=8
            )
        )
    order = [one for number in rated for one in (number, *(low for low, best in under.items() if best == number))]
    return plain.model_copy(
        update={
            "ideas": ideas,
            "one_shot": baseline,
            "ranking": Ranking(
                by="judge",
                places=places,
                order=order,
                under=under,
                judges=[
                    JudgeReport(name="judge", model="openai:gpt-x", pairs=40, agreed=33, first_preferred=45, failed=1)
                ],
                rounds=5,
                comparisons=81,
                tokens=40_000,
            ),
            "diversity": Diversity(
                agents=count, sectors=min(count, 19), customers=15, technologies=9, similarity=0.21, measured_by="words"
            ),
            "baseline": BaselineReport(
                ideas=one_shots,
                population_tokens=120_000,
                baseline_tokens=118_000,
                preferred=Preferred(share=0.63, low=0.52, high=0.73),
            ),
            "generations": [
                GenerationReport(
                    generation=n,
                    ideas=count // generations,
                    mean_rating=1_450 + 40 * n,
                    low=1_400 + 40 * n,
                    high=1_495 + 40 * n,
                    best=1 + n * count // generations,
                    tokens=40_000,
                    over_first=Preferred(share=0.58, low=0.49, high=0.66) if n else None,
                    over_one_shots=Preferred(share=0.66, low=0.55, high=0.75),
                )
                for n in range(generations)
            ],
        }
    )


def hostile_outcome(directory: Path, text: str = HOSTILE) -> RunOutcome:
    """A run in which every text that a model or a cell writes is an attack.

    Args:
        directory: Of the run.
        text: What stands in every place, to see a page of the same form without an attack.
    """
    bad = idea(("<b>" + text.replace("\n", " "))[:200], text)
    bad = bad.model_copy(update={name: text for name in ("customer", "solution", "revenue_model", "first_step")})
    long = idea("W" * 200, "nolinebreaks" * 300)
    agents = [
        AgentOutcome(name="ada_freight", sector=text[:150], role=text[:150], state="live"),
        AgentOutcome(name="a" * 64, sector="x", role="y", state="live"),
        AgentOutcome(name="mallory", state="failed", reason=text + "half \ud800 pair", attempts=3),
    ]
    versions = [
        IdeaVersion(author="ada_freight", idea=bad, id=1, parents=[2, 9]),
        IdeaVersion(author="a" * 64, idea=bad, hop=1, id=2, parents=[1]),
        IdeaVersion(author=text, idea=bad, hop=2, id=3, parents=[1, 2, 3, 77]),
    ]
    remarks = [
        Remark(author=text, kind="critique", about=1, content=text),
        Remark(author="bo", kind="verdict", about=3, content=text),
        Remark(author="a" * 64, kind="pro", about=999, content="nolinebreaks" * 300),
    ]
    first = IdeaOutcome(
        number=1,
        author="ada_freight",
        contributors=["a" * 64, text],
        versions=versions,
        remarks=remarks,
        agent_model="test:model",
        conversation=text,
        weak=[text, "w" * 300],
    )
    second = IdeaOutcome(number=2, author="a" * 64, versions=[IdeaVersion(author="a" * 64, idea=long)])
    one_shot = IdeaOutcome(
        number=ONE_SHOT_FROM, author=text, versions=[IdeaVersion(author=text, idea=bad)], source="one-shot"
    )
    far = RatedIdea(number=1, rank=1, rating=1e12, low=-1e12, high=1e13, wins=1e9, comparisons=10**9)
    return RunOutcome(
        run_id=directory.name,
        objective=text,
        model="test:model",
        sandbox="process",
        asked=3,
        agents=agents,
        ideas=[first, second],
        failures=[text],
        ranking=Ranking(
            by="judge",
            places=[far, far.model_copy(update={"number": 4_711}), far.model_copy(update={"number": ONE_SHOT_FROM})],
            order=[4_711, 1, 1],
            under={2: 1, 1: 4_711, 3: 3},
            judges=[JudgeReport(name=text, model=text, pairs=3, agreed=1, first_preferred=6, at_chance=True)],
            comparisons=6,
            note=text,
        ),
        diversity=Diversity(agents=2, sectors=2, similarity=1, measured_by=text),
        baseline=BaselineReport(
            ideas=1, population_tokens=0, baseline_tokens=0, preferred=Preferred(share=0, low=0, high=0)
        ),
        one_shot=[one_shot],
        generations=[GenerationReport(generation=1, ideas=2, best=4_711, over_first=Preferred(share=1, low=0, high=1))],
        started=datetime(2026, 11, 21, 6, 45, 12, tzinfo=UTC),
        exit_code=3,
        reason=text,
        directory=directory,
    )
