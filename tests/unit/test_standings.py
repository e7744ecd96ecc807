from pathlib import Path

import pytest

from creator.outcome import BaselineReport, Diversity, GenerationReport, JudgeReport, Preferred, Ranking
from creator.reporting.conclusions import against_baseline, agreement, conclusions, differences, gains, order
from creator.reporting.standings import Standings, rating_in_short, rating_in_words
from tests.unit.outcomes import HOSTILE, ONE_SHOT_FROM, hostile_outcome, outcome, ranked_outcome


def numbers(ideas: list) -> list[int]:
    return [idea.number for idea in ideas]


def test_without_a_ranking_ideas_stand_by_number(tmp_path: Path) -> None:
    standings = Standings(outcome(tmp_path))
    assert numbers(standings.ideas) == [1, 2, 3]
    assert not standings.judged
    assert standings.place(1) is None
    assert standings.marks(standings.ideas[0]) == []


def test_a_ranking_puts_near_duplicates_after_the_idea_that_they_are_listed_under(tmp_path: Path) -> None:
    standings = Standings(ranked_outcome(tmp_path))
    assert numbers(standings.ideas)[4:8] == [16, 15, 14, 13]
    assert numbers(standings.one_shot) == [ONE_SHOT_FROM + n for n in (3, 2, 1, 0)]
    assert numbers(standings.everything) == numbers(standings.ideas + standings.one_shot)
    assert (standings.above(15), standings.below(16)) == (16, [15])
    assert [standings.marks(standings.ideas[place]) for place in (4, 5, 6)] == [[], ["like 16"], ["weak"]]
    place = standings.place(20)
    assert place is not None
    assert rating_in_short(place) == "1,681 ±80"
    assert rating_in_words(place) == "1,681 (95 % interval 1,591 to 1,751)"


def test_a_ranking_that_does_not_fit_the_ideas_hides_none(tmp_path: Path) -> None:
    standings = Standings(hostile_outcome(tmp_path))
    assert numbers(standings.ideas) == [1, 2]
    assert standings.above(1) is None
    assert standings.above(2) == 1


def test_near_duplicates_of_near_duplicates_stand_under_the_first_and_a_circle_under_none(tmp_path: Path) -> None:
    run = outcome(tmp_path, count=5)
    ranking = Ranking(by="judge", order=[1, 2, 3, 4, 5], under={3: 2, 2: 1, 4: 5, 5: 4})
    standings = Standings(run.model_copy(update={"ranking": ranking}))
    assert [standings.above(number) for number in range(1, 6)] == [None, 1, 1, None, None]
    assert standings.below(1) == [2, 3]


def test_plain_checks_give_an_order_and_no_rank(tmp_path: Path) -> None:
    run = outcome(tmp_path)
    places = ranked_outcome(tmp_path).ranking.places
    checked = Ranking(by="checks", places=places, order=[3, 1, 2], under={2: 1})
    standings = Standings(run.model_copy(update={"ranking": checked}))
    assert numbers(standings.ideas) == [3, 1, 2]
    assert standings.place(1) is None
    assert standings.marks(standings.ideas[2]) == ["like 1"]


def test_the_parts_of_an_idea_stand_in_the_order_of_its_form(tmp_path: Path) -> None:
    run = outcome(tmp_path)
    fields = ["first_step", "solution", "problem"]
    parts = Standings(run.model_copy(update={"idea_fields": fields})).parts(run.ideas[0].final)
    assert list(parts) == ["first_step", "solution", "problem", "customer", "revenue_model"]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.52, 0.73, "at the same tokens (100 and 95)"),
        (0.48, 0.73, ": it is not shown that the population beat it"),
        (0.3, 0.5, ": it is not shown that the population beat it"),
        (0.3, 0.49, ": the population lost"),
    ],
)
def test_a_baseline_shows_no_more_than_its_interval(low: float, high: float, said: str) -> None:
    preferred = Preferred(share=0.6, low=low, high=high)
    report = BaselineReport(ideas=4, population_tokens=100, baseline_tokens=95, preferred=preferred)
    text = against_baseline(report, None).text
    assert text.startswith("The judge preferred the population's idea over a one-shot idea in 60 % of pairs (95 %")
    assert text.endswith(said)


def test_a_baseline_of_other_tokens_or_without_a_judge_says_so() -> None:
    preferred = Preferred(share=0.6, low=0.55, high=0.65)
    report = BaselineReport(ideas=4, population_tokens=1_000, baseline_tokens=100, preferred=preferred)
    assert against_baseline(report, None).text.endswith(", for 1,000 tokens against 100")
    unjudged = against_baseline(report.model_copy(update={"preferred": None}), None)
    assert unjudged.text == "Baseline: 4 one-shot ideas, not compared by a judge"
    panel = Ranking(by="judge", judges=[JudgeReport(name="j", model="m", pairs=1, agreed=1)] * 2)
    assert against_baseline(report, panel).text.startswith("The judges preferred")


def test_an_order_names_its_judges_and_a_judge_at_chance_is_an_alarm() -> None:
    judges = [JudgeReport(name=f"judge_{n}", model=f"m:{n}", pairs=10, agreed=9) for n in range(5)]
    said = order(Ranking(by="judge", judges=judges, comparisons=1_200, note="three failed"))
    assert said.text == "Order: judge's preference (m:0, m:1, m:2 and 2 more), 1,200 comparisons; three failed"
    assert said.tone == "plain"
    checks = order(Ranking(by="checks"))
    assert checks.text == "Order: plain checks; a capable model is needed for a ranking: --judge-model"
    assert checks.tone == "notice"
    assert agreement(judges[0]).text == "judge_0: same preference in both orders for 9 of 10 pairs (90 %)"
    chance = agreement(JudgeReport(name="judge", model="m", pairs=28, agreed=15, failed=2, at_chance=True))
    assert chance.tone == "alarm"
    assert chance.text.startswith("judge at chance level: judge had the same preference in both orders for 15 of 28")
    assert agreement(JudgeReport(name="judge", model="m", pairs=0, agreed=0)).tone == "notice"


def test_diversity_and_gains_say_what_was_measured() -> None:
    assert differences(Diversity(agents=20, sectors=19)).text == "19 distinct sectors of 20"
    measured = Diversity(agents=20, sectors=20, similarity=0.214, measured_by="by words")
    assert differences(measured).text == "20 distinct sectors of 20, mean similarity of ideas 0.21 by words"
    assert gains([]) == []
    assert gains([GenerationReport(generation=1, ideas=2)]) == []
    lost = Preferred(share=0.4, low=0.3, high=0.45)
    later = GenerationReport(generation=2, ideas=2, over_first=lost)
    assert [one.text for one in gains([later, GenerationReport(generation=0, ideas=2)])] == [
        "Generation 2 was preferred over generation 0 in 40 % of pairs (95 % interval 30-45 %), it lost"
    ]


def test_no_conclusion_of_hostile_records_holds_a_line_break_or_an_escape(tmp_path: Path) -> None:
    found = conclusions(hostile_outcome(tmp_path))
    assert len(found) == 5
    assert all(one.text.isprintable() for one in found)
    assert any(HOSTILE[:15] in one.text for one in found)
