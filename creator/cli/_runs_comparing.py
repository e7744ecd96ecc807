"""``runs compare``: two runs side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from creator.cli import _completing
from creator.cli._runs_facts import changed_settings, summary
from creator.cli._shared import PROGRAM, open_run, option_for, print_json, reading_options, stdout_console
from creator.errors import EnvironmentFault, UsageError
from creator.run_states import state_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from creator.ledger.view import RunView
    from creator.outcome import IdeaOutcome

_MOST_IDEAS: Final = 500
"""Ideas of each run that are compared, which bounds the time that it takes."""
_SHOWN_PAIRS: Final = 20


class Alike(NamedTuple):
    """Two ideas of two runs that are nearly the same."""

    first: IdeaOutcome
    second: IdeaOutcome
    likeness: float


@click.command("compare")
@click.argument("first", metavar="A", shell_complete=_completing.runs)
@click.argument("second", metavar="B", shell_complete=_completing.runs)
@reading_options
def compare(first: str, second: str, output: str | None, as_json: bool) -> None:
    """Compare the runs A and B: what they were asked for, came to and spent, and which ideas both had."""
    views = open_run(output, first), open_run(output, second)
    names = [view.outcome.directory.name for view in views]
    if names[0] == names[1]:
        raise UsageError(f"{first!r} and {second!r} are the same run: name two.")
    settings, notes = _settings(views)
    alike = asyncio.run(_alike(*views))
    notes += list(_notes(*views))
    if as_json:
        print_json(
            {
                "runs": [_document(view) for view in views],
                "settings": settings,
                "alike": [_pair(one) for one in alike],
                "notes": notes,
            }
        )
        return
    _print(views, settings, alike, notes)


def _settings(views: tuple[RunView, RunView]) -> tuple[dict[str, list[Any]], list[str]]:
    """The settings that differ, with both values (None for the usual one), and what cannot be read."""
    found: list[dict[str, Any]] = []
    notes: list[str] = []
    for view in views:
        try:
            found.append(changed_settings(view.outcome.directory))
        except EnvironmentFault as error:
            found.append({})
            notes.append(f"Settings are not compared: {error}")
    if notes:
        return {}, notes
    names = dict.fromkeys([*found[0], *found[1]])
    both = {name: [one.get(name) for one in found] for name in names}
    return {name: values for name, values in both.items() if values[0] != values[1]}, []


async def _alike(first: RunView, second: RunView) -> list[Alike]:
    """For each idea of one run the one of the other that says nearly the same, most alike first."""
    from creator.ideas.likeness import WordLikeness, idea_text
    from creator.reporting.standings import Standings

    likeness = WordLikeness()
    ours, theirs = (Standings(view.outcome).ideas[:_MOST_IDEAS] for view in (first, second))
    texts = [idea_text(idea.final) for idea in theirs]
    found = []
    for idea in ours if texts else ():
        scores = await likeness(idea_text(idea.final), texts)
        best = max(range(len(scores)), key=scores.__getitem__)
        if scores[best] >= likeness.threshold:
            found.append(Alike(idea, theirs[best], scores[best]))
    return sorted(found, key=lambda one: -one.likeness)


def _notes(first: RunView, second: RunView) -> Iterator[str]:
    """What of the two cannot be compared."""
    from creator.text import clean

    one, other = first.outcome, second.outcome
    for view in (first, second):
        if view.state != "finished":
            going = "is still going on" if view.state == "running" else "ended without a result"
            yield f"Run {view.outcome.directory.name} {going}: its numbers are what there is so far."
    if one.objective != other.objective:
        yield "They worked on different objectives."
    if one.model != other.model:
        yield "Tokens of different models are not the same amount of text, nor of money."
    rankings = [view.outcome.ranking for view in (first, second)]
    if all(ranking is not None and ranking.by == "judge" for ranking in rankings):
        yield (
            "Ratings are not compared: each tournament has a scale of its own, whose mean is 1,500 whatever the ideas"
            " are."
        )
    else:
        yield "Ratings are not compared: a judge has to have made the order of both, and even then each has its scale."
    measures = [clean(view.outcome.diversity.measured_by, 80) for view in (first, second) if view.outcome.diversity]
    if len(set(measures)) > 1:
        yield f"Similarities are not compared: one is measured by {measures[0]}, the other by {measures[1]}."
    if (one.cost is None) != (other.cost is None):
        unknown = (one if one.cost is None else other).directory.name
        yield f"Costs are not compared: what run {unknown} cost is not known."
    if max(len(one.ideas), len(other.ideas)) > _MOST_IDEAS:
        yield f"Of each run only the first {_MOST_IDEAS} ideas in order were looked at for likeness."


def _document(view: RunView) -> dict[str, Any]:
    outcome = view.outcome
    return {
        **summary(outcome.directory.name, view),
        "tokens_per_idea": _tokens_per_idea(view),
        "diversity": outcome.diversity and outcome.diversity.model_dump(mode="json"),
        "judges": [judge.model_dump(mode="json") for judge in outcome.ranking.judges] if outcome.ranking else [],
    }


def _pair(alike: Alike) -> dict[str, Any]:
    known = ({"number": idea.number, "title": idea.final.title} for idea in (alike.first, alike.second))
    return {"ideas": list(known), "likeness": round(alike.likeness, 3)}


def _tokens_per_idea(view: RunView) -> int | None:
    from creator.cli._runs_tables import tokens_of

    return tokens_of(view) // len(view.outcome.ideas) if view.outcome.ideas else None


def _print(
    views: tuple[RunView, RunView], settings: dict[str, list[Any]], alike: list[Alike], notes: list[str]
) -> None:
    from rich.text import Text

    from creator.cli._runs_tables import setting_text, sides_table
    from creator.text import clean

    names = [view.outcome.directory.name for view in views]
    left, right = (_told(view) for view in views)
    rows = [(label, left[label], right[label]) for label in left]
    for name, values in settings.items():
        one, other = ("usual" if value is None else setting_text(value) for value in values)
        rows.append((clean(name, 40), one, other))
    console = stdout_console()
    console.print(sides_table([f"A: {names[0]}", f"B: {names[1]}"], rows))
    console.print(f"Ideas of A that say nearly the same as one of B, by their words: {len(alike):,}")
    for pair in alike[:_SHOWN_PAIRS]:
        for place, idea in enumerate((pair.first, pair.second)):
            share = f"{100 * pair.likeness:3.0f} %" if place == 0 else ""
            title = clean(idea.final.title, 200) or "(no title)"
            console.print(
                Text(f"{share:>7}  {'AB'[place]} {idea.number:<6} {title}"), no_wrap=True, overflow="ellipsis"
            )
    if len(alike) > _SHOWN_PAIRS:
        console.print(f"         and {len(alike) - _SHOWN_PAIRS:,} more: --json lists them")
    for note in notes:
        console.print(Text(clean(note, 400), "yellow"))
    folder = option_for(views[0].outcome.directory.parent)
    for name in names:
        console.print(f"Read one: {PROGRAM} runs show {name}{folder}", soft_wrap=True)


def _told(view: RunView) -> dict[str, str]:
    """What is told of a run, by its label."""
    from creator.cli._runs_tables import cost_in_short, took
    from creator.cli._tables import short
    from creator.reporting.conclusions import agreement, differences
    from creator.text import clean

    outcome = view.outcome
    judges = outcome.ranking.judges if outcome.ranking else []
    each = _tokens_per_idea(view)
    return {
        "State": state_of(view),
        "Objective": clean(outcome.objective, 200),
        "Model": clean(outcome.model, 80),
        "Sandbox": clean(outcome.sandbox, 40),
        "Agents": f"{len(outcome.live):,} live, {len(outcome.failed):,} failed",
        "Ideas": f"{len(outcome.ideas):,} of {short(outcome.asked)}",
        "Tokens": f"{short(outcome.prompt_tokens)} read, {short(outcome.completion_tokens)} written",
        "Tokens per idea": "-" if each is None else short(each),
        "Cost": cost_in_short(outcome.cost),
        "Time": took(outcome.elapsed_s),
        "Diversity": differences(outcome.diversity).text if outcome.diversity else "-",
        "Judges": "; ".join(agreement(judge).text for judge in judges[:3]) or "none",
    }
