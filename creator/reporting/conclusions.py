"""What a run's records amount to, in sentences that the terminal and the report share.

A rank is a judge's preference and nothing more, so no sentence here calls an idea good, and none claims a difference
that its interval does not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from creator.outcome import (
    BaselineReport,
    Diversity,
    GenerationReport,
    JudgeReport,
    Preferred,
    Ranking,
    RunOutcome,
)
from creator.text import clean

_NAMED_JUDGES: Final = 3
_SAME_TOKENS: Final = 0.1
"""Two amounts of tokens are the same when they differ by at most this part of the larger one."""
NEEDS_A_JUDGE: Final = "a capable model is needed for a ranking: --judge-model"


@dataclass(frozen=True)
class Sentence:
    """Something to tell.

    Attributes:
        text: One line, safe to show.
        tone: ``plain``; ``notice`` for what limits the rest; ``alarm`` for what makes the rest worth nothing.
    """

    text: str
    tone: Literal["plain", "notice", "alarm"] = "plain"


def conclusions(outcome: RunOutcome) -> list[Sentence]:
    """All that is to be said of a run's order, its judges, its baseline, its diversity and its generations."""
    ranking, baseline, diversity = outcome.ranking, outcome.baseline, outcome.diversity
    return [
        *([order(ranking), *map(agreement, ranking.judges)] if ranking else []),
        *([against_baseline(baseline, ranking)] if baseline else []),
        *([differences(diversity)] if diversity else []),
        *gains(outcome.generations),
    ]


def summary(outcome: RunOutcome) -> str:
    """What came of a run and who judged it, in one or two sentences."""
    made, live = len(outcome.ideas), len(outcome.live)
    text = f"{made:,} {_things(made, 'idea')} by {live:,} {_things(live, 'agent')}"
    ranking = outcome.ranking
    if ranking is None or not made:
        return f"{text}, in no order of merit."
    if ranking.by == "checks":
        return f"{text}, put in order by plain checks: no model judged them."
    models = [clean(name, 80) for name in dict.fromkeys(judge.model for judge in ranking.judges)]
    judges = f" ({', '.join(models[:_NAMED_JUDGES])})" if models else ""
    who = "a model as judge" if len(ranking.judges) < 2 else f"{len(ranking.judges)} models as judges"
    return f"{text}, put in order by {who}{judges} in {ranking.comparisons:,} comparisons of two."


def honesty(outcome: RunOutcome) -> str:
    """What a reader has to know before believing anything of it, in one sentence or two."""
    of_whom = {
        "judge": "The order is a judge's preference, which is no measure of what they are worth",
        "checks": "Plain checks say nothing of what they are worth",
        "": "Nothing is known of what they are worth",
    }
    found = of_whom[outcome.ranking.by if outcome.ranking else ""]
    return f"{found}. A language model wrote every word: check before you build on it."


def origin(outcome: RunOutcome) -> str:
    """How the ideas came to be, in a few sentences."""
    made, passed = len(outcome.ideas), sum(bool(idea.contributors) for idea in outcome.ideas)
    texts = sum(len(idea.versions) - 1 for idea in outcome.ideas)
    model = clean(outcome.model, 200)
    text = f"One model, {model}, wrote the agents and answered for them; they wrote to each other by name."
    if not passed:
        return f"{text} No idea was passed on: every text is its author's own."
    return (
        f"{text} {passed:,} of {made:,} {_things(made, 'idea')} got words or remarks of colleagues:"
        f" {texts:,} {_things(texts, 'text')} beside the authors' first ones."
    )


def _things(count: int, what: str) -> str:
    return what if count == 1 else f"{what}s"


def order(ranking: Ranking) -> Sentence:
    """How the order was found."""
    note = clean(ranking.note, 300)
    if ranking.by == "checks":
        return Sentence(f"Order: plain checks; {note or NEEDS_A_JUDGE}", "notice")
    models = [clean(name, 80) for name in dict.fromkeys(judge.model for judge in ranking.judges)]
    named = ", ".join(models[:_NAMED_JUDGES]) + (f" and {len(models) - _NAMED_JUDGES} more" if models[3:] else "")
    of_whom = f" ({named})" if named else ""
    text = f"Order: judge's preference{of_whom}, {ranking.comparisons:,} comparisons"
    return Sentence(f"{text}; {note}" if note else text)


def agreement(judge: JudgeReport) -> Sentence:
    """How far a judge agrees with itself when it sees a pair in the other order."""
    name = clean(judge.name, 80)
    if not judge.pairs:
        return Sentence(f"{name}: no pair was judged in both orders", "notice")
    agreed = f"for {judge.agreed:,} of {judge.pairs:,} pairs ({_percent(judge.agreed / judge.pairs)} %)"
    failed = f", no verdict on {judge.failed:,}" if judge.failed else ""
    if judge.at_chance:
        text = f"judge at chance level: {name} had the same preference in both orders {agreed}{failed}"
        return Sentence(f"{text}, as a coin could: the order says nothing", "alarm")
    return Sentence(f"{name}: same preference in both orders {agreed}{failed}")


def against_baseline(report: BaselineReport, ranking: Ranking | None) -> Sentence:
    """Whether the judge preferred the population's ideas to one-shot ideas of the same model."""
    if report.preferred is None:
        return Sentence(f"Baseline: {report.ideas:,} one-shot ideas, not compared by a judge", "notice")
    who = "The judges" if ranking and len(ranking.judges) > 1 else "The judge"
    chosen = f" (the {report.ideas:,} least alike of {report.made:,})" if report.made > report.ideas else ""
    preferred = f"{who} preferred the population's idea over a one-shot idea{chosen} in {_pairs(report.preferred)}"
    shown = _shown(
        report.preferred,
        won="",
        unclear=": it is not shown that the population beat it",
        lost=": the population lost",
    )
    return Sentence(f"{preferred}{_tokens(report)}{shown}")


def differences(report: Diversity) -> Sentence:
    """How different the agents and their ideas are."""
    counted = [f"{report.sectors:,} distinct sectors of {report.agents:,}"]
    counted += [f"{report.customers:,} customers"] if report.customers else []
    counted += [f"{report.technologies:,} technologies"] if report.technologies else []
    text = ", ".join(counted)
    if report.similarity is None:
        return Sentence(text)
    measure = clean(report.measured_by, 80).removeprefix("by ")
    return Sentence(f"{text}, mean similarity of ideas {report.similarity:.2f}{f' by {measure}' if measure else ''}")


def gains(generations: list[GenerationReport]) -> list[Sentence]:
    """Whether the judge preferred the last generation's ideas to those that it has to be measured by."""
    last = max(generations, key=lambda one: one.generation, default=None)
    if last is None:
        return []
    measured = (("generation 0", last.over_first), ("one-shot ideas", last.over_one_shots))
    found = [
        f"over {other} in {_pairs(preferred)}{_shown(preferred, won='', unclear=', no gain shown', lost=', it lost')}"
        for other, preferred in measured
        if preferred is not None
    ]
    return [Sentence(f"Generation {last.generation} was preferred {'; '.join(found)}")] if found else []


def _pairs(preferred: Preferred) -> str:
    low, high = _percent(preferred.low), _percent(preferred.high)
    return f"{_percent(preferred.share)} % of pairs (95 % interval {low}-{high} %)"


def _shown(preferred: Preferred, *, won: str, unclear: str, lost: str) -> str:
    """What an interval shows: nothing when it reaches one half."""
    if preferred.low > 0.5:
        return won
    return lost if preferred.high < 0.5 else unclear


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _tokens(report: BaselineReport) -> str:
    spent, base = report.population_tokens, report.baseline_tokens
    if not spent and not base:
        return ""
    same = abs(spent - base) <= _SAME_TOKENS * max(spent, base)
    return f", at the same tokens ({spent:,} and {base:,})" if same else f", for {spent:,} tokens against {base:,}"
