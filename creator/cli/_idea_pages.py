"""What the commands about ideas print: a list with its order, one idea in full, and its lineage as a tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text
from rich.tree import Tree

from creator.cli._tables import as_text, ideas_table
from creator.ledger.view import Comparison
from creator.outcome import IdeaOutcome, Remark
from creator.reporting import lineage as lineages
from creator.reporting.conclusions import agreement, order
from creator.reporting.lineage import REMARKS, Lineage
from creator.reporting.standings import Standings, rating_in_words, wins_in_words
from creator.text import clean, clean_lines, label
from sandbox.protocol import Idea

_SHOWN_REASONS: Final = 3
_DEEPEST: Final = 6
"""A text further down is drawn beside the one before it, so that a line keeps room for words."""
_INDENT: Final = (0, 0, 0, 2)
"""Words of a model are indented, so that no line of them passes for a label of ours."""


def print_list(console: Console, standings: Standings, ideas: list[IdeaOutcome]) -> None:
    """The ideas with how their order was found, and in words why some are marked.

    Args:
        console: Where to print.
        standings: What is known of their places.
        ideas: Those to show, in order.
    """
    ranking = standings.outcome.ranking
    if ranking is not None:
        console.print(as_text(order(ranking)))
        for sentence in map(agreement, ranking.judges):
            if sentence.tone == "alarm":
                console.print(as_text(sentence))
    console.print(ideas_table(standings, ideas))
    weak = [idea for idea in ideas if idea.weak]
    if weak:
        console.print("Weak by plain checks:")
    for idea in weak:
        console.print(Padding(Text(f"{idea.number}  {_weak(idea)}"), _INDENT))
    hidden = len(standings.everything) - len(ideas)
    if hidden and standings.judged:
        console.print(f"Ranks count {hidden:,} one-shot ideas too: --one-shot lists them.")


def print_idea(
    console: Console, standings: Standings, idea: IdeaOutcome, comparisons: list[Comparison], unread: str
) -> None:
    """One idea: the delivered text, its place and why, and every other text with what was said about it.

    Args:
        console: Where to print.
        standings: What is known of its place.
        idea: The idea.
        comparisons: What judges said of it.
        unread: Why that could not be read; empty when it could.
    """
    console.print(Text(f"{idea.number}  {clean(idea.final.title, 200)}", "bold"))
    contributors = ", ".join(clean(name, 64) for name in idea.contributors) or "none"
    console.print(Text(f"Author: {clean(idea.author, 64)}   Contributors: {contributors}", "dim"))
    _print_place(console, standings, idea)
    if idea.conversation:
        console.print(Text(f"Conversation: {clean(idea.conversation, 64)}", "dim"))
    lineage = Lineage(idea)
    *earlier, final = lineage.texts
    if earlier:
        console.print(Text(f"Below is {final.heading}", "dim"))
    console.print()
    _print_parts(console, standings, final.version.idea)
    _print_remarks(console, final.remarks)
    _print_reasons(console, comparisons, unread)
    for text in earlier:
        console.rule(Text(f"T{text.heading[1:]}"), align="left", style="dim")
        console.print(Text(clean(text.version.idea.title, 200), "bold"))
        console.print()
        _print_parts(console, standings, text.version.idea)
        _print_remarks(console, text.remarks)
    if lineage.loose:
        console.rule(Text("Said about texts that are not on record"), align="left", style="dim")
        _print_remarks(console, lineage.loose)


def _print_place(console: Console, standings: Standings, idea: IdeaOutcome) -> None:
    place, above, below = standings.place(idea.number), standings.above(idea.number), standings.below(idea.number)
    if place is not None:
        console.print(
            Text(f"Rank {place.rank} in the judge's preference: {rating_in_words(place)}, {wins_in_words(place)}")
        )
    if above is not None:
        console.print(Text(f"Near-duplicate, listed under idea {above}", "yellow"))
    if below:
        console.print(Text(f"Near-duplicates listed under it: {', '.join(map(str, below))}"))
    if idea.weak:
        console.print(Text(f"Weak by plain checks: {_weak(idea)}", "yellow"))


def _print_parts(console: Console, standings: Standings, idea: Idea) -> None:
    for name, text in standings.parts(idea).items():
        console.print(Text(label(name), "bold cyan"))
        console.print(Padding(Text(clean_lines(text).strip()), _INDENT))
        console.print()


def _print_remarks(console: Console, remarks: Iterable[Remark]) -> None:
    for remark in remarks:
        console.print(Text(f"{REMARKS[remark.kind]}, by {clean(remark.author, 64)}", "bold magenta"))
        console.print(Padding(Text(clean_lines(remark.content).strip()), _INDENT))
        console.print()


def _print_reasons(console: Console, comparisons: list[Comparison], unread: str) -> None:
    """The judge's reasons of the last few comparisons."""
    if unread:
        console.print(Text(f"What the judge said cannot be read: {clean(unread, 300)}", "dim"))
    for title, preferred in (("Preferred to others", True), ("Others were preferred", False)):
        shown = [one for one in comparisons if one.preferred is preferred and one.reason.strip()][-_SHOWN_REASONS:]
        if shown:
            console.print(Text(f"{title}, the judge's last reasons", "bold cyan"))
        for one in shown:
            console.print(Padding(Text(f"beside {one.other}: {clean(one.reason, 400)}"), _INDENT))
        if shown:
            console.print()


def print_lineage(console: Console, standings: Standings, lineage: Lineage, *, full: bool) -> None:
    """The texts of an idea as trees, each under the one that it was made from, remarks as leaves.

    Args:
        console: Where to print.
        standings: What the run's ideas consist of.
        lineage: The texts.
        full: Whole texts; else a line for each text and remark.
    """
    idea = lineage.idea
    console.print(
        Text(f"Idea {idea.number}  {clean(idea.final.title, 200)}", "bold"), no_wrap=True, overflow="ellipsis"
    )
    trees: list[Tree] = []
    branches: dict[int, Tree] = {}
    beside: dict[int, int | None] = {}
    for text in lineage.walk():
        # Beside the text before it, once there is no more room to go deeper.
        above = text.under if text.depth < _DEEPEST or text.under is None else beside[text.under]
        node = _text_node(standings, text, displaced=above != text.under, full=full)
        if above is None:
            branches[text.place] = Tree(node, guide_style="dim")
            trees.append(branches[text.place])
        else:
            branches[text.place] = branches[above].add(node)
        beside[text.place] = above
        for remark in text.remarks:
            branches[text.place].add(_remark_node(remark, full=full))
    for tree in trees:
        console.print(tree)
    if lineage.loose:
        loose = Tree(Text("said about texts that are not on record"), guide_style="dim")
        for remark in lineage.loose:
            loose.add(_remark_node(remark, full=full))
        console.print(loose)


def _text_node(standings: Standings, text: lineages.Text, *, displaced: bool, full: bool) -> RenderableType:
    version = text.version
    line = Text.assemble((f"text {text.place}", "bold"))
    if displaced:
        line.append(f" {text.origin}", "dim")
    if text.final:
        line.append(" · final", "bold green")
    line.append(f" · {text.kind} by {clean(version.author, 64)} · hop {version.hop}")
    if text.others and not displaced:
        line.append(f" · with text {', '.join(map(str, text.others))}", "dim")
    if text.unknown_parents and not displaced:
        line.append(" · with a text that is not on record", "dim")
    line.append(f" · {clean(version.idea.title, 200)}")
    if not full:
        line.no_wrap, line.overflow = True, "ellipsis"
        return line
    parts = [
        Padding(Text.assemble((label(name), "cyan"), f": {clean_lines(value).strip()}"), _INDENT)
        for name, value in standings.parts(version.idea).items()
    ]
    return Group(line, *parts)


def _remark_node(remark: Remark, *, full: bool) -> RenderableType:
    line = Text.assemble((f"{clean(remark.author, 64)}: {remark.kind}:", "magenta"))
    if full:
        return Group(line, Padding(Text(clean_lines(remark.content).strip()), _INDENT))
    line.append(f" {clean(remark.content, 300)}")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _weak(idea: IdeaOutcome) -> str:
    return "; ".join(clean(one, 120) for one in idea.weak)
