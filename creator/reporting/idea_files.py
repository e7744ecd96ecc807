"""Markdown files of ideas: `ideas/<nn>-<slug>.md`. No text of a model's can become a heading, a link or HTML in one."""

from __future__ import annotations

from creator.outcome import IdeaOutcome, Remark
from creator.reporting.lineage import REMARKS, Lineage, Text
from creator.reporting.standings import ONE_SHOT, Standings, rating_in_words, wins_in_words
from creator.text import encodable, label, markdown_line, markdown_paragraphs, slug
from sandbox.protocol import Idea


def idea_file_name(idea: IdeaOutcome, total: int) -> str:
    """``<nn>-<slug>.md``, the number wide enough that the files sort."""
    return f"{idea.number:0{max(2, len(str(total)))}}-{slug(idea.final.title)}.md"


def render_idea(idea: IdeaOutcome, standings: Standings) -> str:
    """One idea as Markdown: the delivered text, its place, where it comes from, and all its texts with remarks.

    Args:
        idea: The idea.
        standings: The run's ideas in order.
    """
    lineage = Lineage(idea)
    final = lineage.texts[-1]
    lines = [
        f"# {markdown_line(idea.final.title, 200)}",
        "",
        *_parts(standings, idea.final, "##"),
        *_place(standings, idea),
        *_origin(standings, idea, final),
    ]
    if len(lineage.texts) > 1:
        lines += ["## All texts, as they were written", ""]
        for text in lineage.texts:
            lines += [f"### T{markdown_line(text.heading[1:])}", "", f"**{_title(text.version.idea)}**", ""]
            lines += [*_parts(standings, text.version.idea, "####"), *_remarks(text.remarks)]
    elif final.remarks:
        lines += ["## What was said about it", "", *_remarks(final.remarks)]
    if lineage.loose:
        lines += ["## What was said about texts that are not on record", "", *_remarks(lineage.loose)]
    return encodable("\n".join(lines).rstrip() + "\n")


def _place(standings: Standings, idea: IdeaOutcome) -> list[str]:
    """What a judge and plain checks say of it."""
    place, above, below = standings.place(idea.number), standings.above(idea.number), standings.below(idea.number)
    said = []
    if place is not None:
        said += [f"- Rank: {place.rank} in the judge's preference, {wins_in_words(place)}"]
        said += [f"- Rating: {rating_in_words(place)}"]
    if above is not None:
        said += [f"- Near-duplicate of idea {above}"]
    if below:
        said += [f"- Near-duplicates: {', '.join(f'idea {number}' for number in below)}"]
    said += [f"- Weak by plain checks: {markdown_line(one, 120)}" for one in idea.weak]
    return ["## Place among the ideas of the run", "", *said, ""] if said else []


def _origin(standings: Standings, idea: IdeaOutcome, final: Text) -> list[str]:
    run = standings.outcome
    contributors = ", ".join(markdown_line(name, 64) for name in idea.contributors) or "none"
    lines = [
        f"- Author: {markdown_line(idea.author, 64)}",
        f"- Contributors: {contributors}",
        f"- Model: {markdown_line(idea.agent_model or run.model, 200)}",
    ]
    if idea.source == ONE_SHOT:
        lines += ["- Source: a one-shot idea, which no agent had a part in"]
    if final.place > 1:
        lines += [f"- Delivered: {markdown_line(final.heading)}"]
    if idea.conversation:
        lines += [f"- Conversation: {markdown_line(idea.conversation, 64)}"]
    lines += [
        f"- Run: {markdown_line(run.replay_of or run.run_id, 64)}",
        f"- Objective: {markdown_line(run.objective, 4_000)}",
    ]
    return ["## Origin", "", *lines, ""]


def _parts(standings: Standings, idea: Idea, heading: str) -> list[str]:
    lines: list[str] = []
    for name, text in standings.parts(idea).items():
        lines += [f"{heading} {label(name)}", "", markdown_paragraphs(text) or "(empty)", ""]
    return lines


def _remarks(remarks: list[Remark] | tuple[Remark, ...]) -> list[str]:
    lines: list[str] = []
    for remark in remarks:
        said = markdown_paragraphs(remark.content) or "(empty)"
        lines += [f"#### {REMARKS[remark.kind]}, by {markdown_line(remark.author, 64)}", "", said, ""]
    return lines


def _title(idea: Idea) -> str:
    return markdown_line(idea.title, 200)
