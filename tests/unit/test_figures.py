"""The figures of a run: drawn from any records, with every text escaped and every mark on the sheet."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from creator.ledger.accounts import Accounts, Share
from creator.ledger.traffic import Edge, Traffic
from creator.outcome import AgentOutcome
from creator.reporting.figures.drawing import NARROW, WIDE, Figure, at, fitted, style, width_of
from creator.reporting.figures.likeness_map import MAX_IDEAS, LikenessMap, Placed, likeness_map
from creator.reporting.figures.messages import MAX_AGENTS, ending_in_words, message_graph
from creator.reporting.figures.phases import phase_line, spenders, spending_bars
from creator.reporting.figures.population import MAX_GROUPS, NAMED, population_map
from tests.unit.outcomes import HOSTILE, TITLES, idea

TAGS = {"svg", "title", "g", "text", "circle", "rect", "line", "path"}
PLACES = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "d", "width", "height", "viewBox", "text-anchor"}
ATTRIBUTES = {*PLACES, "class", "role", "aria-label"}


def marks(figure: Figure | None, width: int = WIDE) -> list[ET.Element]:
    """All elements of a drawing, which is well-formed, harmless, and told to those who cannot see it."""
    assert figure is not None
    drawn = str(figure.at(width))
    root = ET.fromstring(drawn)
    found = list(root.iter())
    assert {one.tag for one in found} <= TAGS
    assert {name for one in found for name in one.attrib} <= ATTRIBUTES
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"{figure.title}. {figure.says}"
    assert root.find("title").text == figure.title
    assert not set("\x1b\x9b\x00\u202e") & set(drawn)
    assert not re.search(r"\b(nan|inf)\b", drawn)
    known = set(re.findall(r"\.([a-z][\w-]*)", style()))
    assert {name for one in found for name in one.get("class", "").split()} - known <= {
        "drawing",
        "live",
        "asked",
        "phase-0",
    }
    size = [float(part) for part in root.get("viewBox").split()][2:]
    for one in found:
        for name, most in (("cx", size[0]), ("cy", size[1]), ("x", size[0]), ("y", size[1])):
            assert 0 <= float(one.get(name, 0)) <= most + 1, (one.tag, one.attrib)
    return found


def texts(found: Sequence[ET.Element]) -> list[str]:
    return [one.text or "" for one in found if one.tag == "text"]


def of_kind(found: Sequence[ET.Element], kind: str) -> list[ET.Element]:
    return [one for one in found if kind in one.get("class", "").split()]


# ---- population


def agents(count: int, sectors: int = 8, **changes: object) -> list[AgentOutcome]:
    return [
        AgentOutcome(name=f"agent_{n}", sector=f"sector {n % sectors}", role="critic", state="live", prompt_tokens=n)
        .model_copy(update=changes)
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("count", [1, 2, NAMED, NAMED + 1, 1_000, 1_500])
def test_a_population_of_any_size_is_drawn(count: int, width: int) -> None:
    people = agents(count)
    people[0] = people[0].model_copy(update={"state": "failed", "name": "failed_0"})
    figure = population_map(people, {"agent_1": 2})
    found = marks(figure, width)
    assert figure.says.startswith(f"{count:,} agent{'s' if count > 1 else ''} ({count - 1:,} live, 1 failed) of")
    if count <= NAMED:
        assert {one.name for one in people} <= set(texts(found))
        assert len(of_kind(found, "cross")) == 2  # one in the legend
    elif count <= 1_000:
        group = of_kind(found, "live")[0]
        assert len(list(group)) == count - 1
        assert "sector 1" in texts(found)
    else:
        assert len(of_kind(found, "bar")) == 8
        assert any("(1 failed)" in one for one in texts(found))
    assert len(str(figure.at(width))) < 100_000


def test_a_larger_agent_used_more_tokens_and_the_bands_are_generations() -> None:
    first = agents(2)
    first[1] = first[1].model_copy(update={"prompt_tokens": 900, "asked_by": "agent_0"})
    child = AgentOutcome(name="cy", state="live", generation=1, parents=["agent_1", "gone"], prompt_tokens=100)
    figure = population_map([*first, child], {})
    found = marks(figure)
    radius = [float(one.get("r")) for one in of_kind(found, "agent")[:3]]
    assert radius[0] < radius[1] > radius[2]
    assert [one for one in texts(found) if one.startswith("Generation")] == ["Generation 0", "Generation 1"]
    assert len(of_kind(found, "bred")) == len(of_kind(found, "asked")) == 2  # one each in the legend
    assert "1 was asked for by a colleague. 1 was bred from earlier ones." in figure.says


def test_sectors_that_are_too_many_give_way_to_roles_or_are_put_together() -> None:
    assert "beside its role" in population_map(agents(200, sectors=200), {}).says
    people = [one.model_copy(update={"role": one.name}) for one in agents(200, sectors=200)]
    found = marks(population_map(people, {}))
    assert f"{200 - MAX_GROUPS + 1} other sectors" in texts(found)


def test_nobody_gives_no_figure_and_hostile_agents_are_text() -> None:
    assert population_map([], {}) is None
    bad = {"sector": HOSTILE, "role": HOSTILE, "asked_by": HOSTILE, "parents": [HOSTILE, "agent_0"]}
    people = agents(3, **bad)
    people[0] = people[0].model_copy(update={"name": HOSTILE, "prompt_tokens": 10**30})
    assert any(one.startswith("# Forged") for one in texts(marks(population_map(people, {HOSTILE: 10**9}), NARROW)))
    marks(population_map([*people, *agents(60)], {}), NARROW)


# ---- messages


def traffic(*edges: tuple[str, str, int, int]) -> Traffic:
    found = sorted((Edge(*one) for one in edges), key=lambda one: -one.count)
    count, failed = sum(one.count for one in found), sum(one.failed for one in found)
    return Traffic(found, len(found), count, failed, {"ok": count - failed}, {}, [])


def test_an_arc_stands_for_a_pairing_and_says_which_way_and_how_it_ended() -> None:
    figure = message_graph(traffic(("a", "b", 9, 0), ("b", "a", 1, 1), ("a", "nobody", 5, 5)), {"a", "b", "quiet"})
    found = marks(figure)
    assert figure.says.startswith("2 agents exchanged 10 requests in 2 pairings")
    assert "1 of them was not answered (dashed, with a cross)." in figure.says
    assert "5 requests went to or from names that no agent of the run has" in figure.says
    arcs = [one for one in of_kind(found, "wire") if one.tag == "path"]
    assert sorted(one[0].text for one in arcs) == ["a to b: 9", "b to a: 1, 1 not answered"]
    names = {one.text: float(one.get("y")) for one in found if one.tag == "text" and one.text in {"a", "b"}}
    for arc in arcs:
        x, y, *_, end = (float(part) for part in re.findall(r"-?[\d.]+", arc.get("d")))
        assert (x > WIDE / 2) == (end > y), "arcs on the right lead down"
        assert (abs(end - names["b"]) < abs(end - names["a"])) == arc[0].text.startswith("a to b")
    assert len(of_kind(found, "w4")) == 1


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_of_many_messages_those_about_the_busiest_are_drawn_and_the_rest_is_counted(width: int) -> None:
    names = [f"agent_{n}" for n in range(1_000)]
    pairs = [(names[n], names[(7 * n + 1) % 1_000], 1 + n % 3, n % 2) for n in range(1_000)]
    figure = message_graph(traffic(*pairs, ("agent_500", "agent_3", 40, 0)), set(names))
    found = marks(figure, width)
    assert len(of_kind(found, "pill")) == MAX_AGENTS
    assert {"agent_500", "agent_3"} <= set(texts(found))
    left = r"Drawn are the 32 agents about the busiest with \d+ arcs; [\d,]+ requests in [\d,]+ pairings are left out\."
    assert re.search(left, figure.says)
    assert len(str(figure.at(width))) < 60_000


def test_no_traffic_gives_no_figure_and_hostile_names_are_text() -> None:
    assert message_graph(traffic(), {"a"}) is None
    assert message_graph(traffic(("a", "b", 3, 0)), {"a"}) is None
    found = marks(message_graph(traffic((HOSTILE, "a", 3, 0), ("a", "a", 10**12, 0)), {HOSTILE, "a"}), NARROW)
    assert any("Forged" in one for one in texts(found))
    assert ending_in_words("ok") == "answered"
    assert ending_in_words(HOSTILE).isprintable()


# ---- likeness


def placed(*words: str) -> list[Placed]:
    return [Placed(str(n), idea(f"{one} desk", one)) for n, one in enumerate(words, start=1)]


def centres(found: LikenessMap, width: int = WIDE) -> list[tuple[float, float]]:
    spots = [one for one in marks(found.figure, width) if one.tag == "circle"]
    return [(float(one.get("cx")), float(one.get("cy"))) for one in reversed(spots)]


def test_ideas_of_the_same_words_lie_near_each_other() -> None:
    trucks, bread = "trucks drivers freight dispatch", "bread bakery flour ovens"
    found = likeness_map(placed(trucks, f"{trucks} late", bread, f"{bread} early"))
    (a, b, c, d) = centres(found)
    assert np.hypot(a[0] - b[0], a[1] - b[1]) < np.hypot(a[0] - c[0], a[1] - c[1]) / 2
    assert np.hypot(c[0] - d[0], c[1] - d[1]) < np.hypot(b[0] - d[0], b[1] - d[1]) / 2
    assert [other for other, _ in found.nearest] == [1, 0, 3, 2]
    assert 0.7 < found.shown <= 1
    assert f"{100 * found.shown:.0f} % of their differences, so most distances" in found.figure.says


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_same_ideas_lie_side_by_side_and_the_map_is_the_same_each_time(width: int) -> None:
    same = placed(*["the same words"] * 20)
    found = likeness_map(same)
    spots = centres(found, width)
    assert len(set(spots)) == 20
    assert min(np.hypot(x - u, y - v) for (x, y), (u, v) in pairwise(spots)) > 10
    assert str(likeness_map(same).figure.at(width)) == str(found.figure.at(width))
    assert found.nearest[0][1] == pytest.approx(1)


def test_ideas_that_are_all_equally_far_from_each_other_are_drawn() -> None:
    for count in range(2, 41):
        found = likeness_map(placed(*(f"A scripted answer of call {number}" for number in range(count))))
        assert len(centres(found)) == count


def test_near_duplicates_and_one_shot_ideas_are_marked_and_counted() -> None:
    ideas = [Placed(str(n), idea(title, title), top=n == 0) for n, title in enumerate(TITLES)]
    ideas += [Placed("8", ideas[2].idea, under=2), Placed("s1", idea(HOSTILE[:200], HOSTILE), one_shot=True)]
    found = likeness_map(ideas)
    drawn = marks(found.figure)
    assert len([one for one in of_kind(drawn, "one-shot") if one.tag == "rect"]) == 2  # one in the legend
    assert len(of_kind(drawn, "same")) == 2
    assert "1 near-duplicate is tied" in found.figure.says
    assert "1 one-shot idea is a square" in found.figure.says
    assert found.nearest[8][0] == 2


def test_a_map_needs_two_ideas_and_is_bounded() -> None:
    assert likeness_map([]) is None
    assert likeness_map(placed("alone")) is None
    assert len(centres(likeness_map(placed("one thing", "another matter")))) == 2
    words = [f"{TITLES[n % 8]} {n} {n // 3} more" for n in range(1_000)]
    found = likeness_map(placed(*words))
    assert len(centres(found, NARROW)) == MAX_IDEAS
    assert f"The first {MAX_IDEAS} of 1,000 in order are drawn." in found.figure.says
    assert len(str(found.figure.wide)) < 100_000


# ---- phases


def share(name: str, tokens: int, begun: float, ended: float, cost: float | None = 0.0) -> Share:
    return Share(name, 3, tokens, tokens // 4, cost, begun, ended)


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_phases_lie_on_a_line_of_time(width: int) -> None:
    phases = [share("writing agents", 400, 1_000, 1_050), share("judging", 100, 1_040, 1_100, None)]
    figure = phase_line(Accounts(phases, [], [], None))
    found = marks(figure, width)
    assert figure.says.startswith("6 model calls in 1:40 minutes, 80 % of the tokens for writing agents.")
    first, second = of_kind(found, "bar")
    ends = [float(one.get("x")) + float(one.get("width")) for one in (first, second)]
    assert float(first.get("x")) < float(second.get("x")) < ends[0] < ends[1] <= width
    assert "500 tokens, $0" in texts(found)
    assert "125 tokens, price unknown" in texts(found)
    assert {"0:00", "0:50", "1:40"} <= set(texts(found))


def test_spenders_are_agents_of_the_run_with_their_tokens() -> None:
    shares = [share(f"agent_{n}", 1_000 - n, 0, 1) for n in range(20)]
    accounts = Accounts([], [share("creator", 9_999, 0, 1), *shares], [], None)
    chosen = spenders(accounts, {one.name for one in shares})
    found = marks(spending_bars(chosen), NARROW)
    assert [one.name for one in chosen] == [f"agent_{n}" for n in range(10)]
    assert len(of_kind(found, "read")) == 10
    assert "1,250" in texts(found)
    assert spending_bars([]) is None


def test_accounts_of_a_damaged_record_are_drawn_or_left_out() -> None:
    inf = float("inf")
    assert phase_line(Accounts([], [], [], None)) is None
    assert phase_line(Accounts([share("judging", 1, inf, inf)], [], [], None)) is None
    wild = [share(HOSTILE, 10**18, -1e300, 1e300, inf), share("judging", 0, 5, -5, float("nan"))]
    marks(phase_line(Accounts(wild, [], [], None)))
    marks(spending_bars([share(HOSTILE, 10**18, 0, 0)]), NARROW)


# ---- what they are made of


def test_texts_fit_where_they_are_put() -> None:
    assert fitted("short", 100) == "short"
    for words in ("W" * 300, "日本語の長い題" * 9, "i" * 300, HOSTILE):
        cut = fitted(words, 80)
        assert cut.endswith("…")
        assert width_of(cut) <= 80 + width_of("…")
    assert fitted("anything", 0) == "…"
    assert [at(1.04), at(2.0), at(float("nan")), at(float("inf"))] == ["1", "2", "0", "0"]
