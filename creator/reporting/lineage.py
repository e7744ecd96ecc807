"""Who made which text of an idea from which, and what was said about each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from creator.outcome import IdeaOutcome, IdeaVersion, Remark
from creator.text import clean

TextKind = Literal["author's own text", "refinement", "revision", "merged text"]
"""``revision``: the author's own later text."""

REMARKS: Final = {"critique": "Critique", "pro": "In favour", "contra": "Against", "verdict": "Verdict"}
"""What a remark is, as a heading says it."""


@dataclass(frozen=True)
class Text:
    """One text of an idea, among the others.

    Attributes:
        place: Counted from 1 in the order in which the texts were written; what people call it.
        version: The text and who wrote it.
        kind: What it is.
        parents: Places of the texts that it was made from.
        unknown_parents: How many more it claims that are not on record.
        under: The last of its parents, which it is drawn under; None for a text that begins a tree.
        depth: How many texts it is drawn under.
        final: Whether it is what was delivered.
        remarks: What was said about it.
    """

    place: int
    version: IdeaVersion
    kind: TextKind
    parents: tuple[int, ...]
    unknown_parents: int
    under: int | None
    depth: int
    final: bool
    remarks: tuple[Remark, ...]

    @property
    def others(self) -> tuple[int, ...]:
        """Its parents but the one that it is drawn under."""
        return tuple(place for place in self.parents if place != self.under)

    @property
    def heading(self) -> str:
        """Which text it is, who wrote it and what from: ``text 2, refinement by bo, hop 1, from text 1``."""
        origin = f", {self.origin}" if self.origin else ""
        return f"text {self.place}, {self.kind} by {clean(self.version.author, 64)}, hop {self.version.hop}{origin}"

    @property
    def origin(self) -> str:
        """What it was made from, such as ``from texts 2 and 3``; empty for a text without parents."""
        texts = _listed(self.parents)
        if not self.unknown_parents:
            return f"from {texts}" if texts else ""
        return f"from {texts + ' and ' if texts else ''}a text that is not on record"


class Lineage:
    """The texts of one idea.

    Whatever the record claims, what comes out is a tree: parents that are not on record are counted and no more, and
    a circle is cut where it closes.

    Attributes:
        idea: The idea.
        texts: In the order in which they were written.
        loose: Remarks about texts that are not on record.
    """

    def __init__(self, idea: IdeaOutcome) -> None:
        self.idea = idea
        places: dict[int, int] = {}
        for place, version in enumerate(idea.versions, start=1):
            places.setdefault(version.id, place)
        chained = not any(version.id for version in idea.versions)  # earlier releases kept the order alone
        remarks: dict[int, list[Remark]] = defaultdict(list)
        self.loose: list[Remark] = []
        for remark in idea.remarks:
            if chained or remark.about not in places:
                self.loose.append(remark)
            else:
                remarks[places[remark.about]].append(remark)
        parents = [
            [place - 1] if chained and place > 1 else [places.get(one, 0) for one in dict.fromkeys(version.parents)]
            for place, version in enumerate(idea.versions, start=1)
        ]
        under = _tree([[one for one in found if one] for found in parents])
        depths = _depths(under)
        self.texts = [
            Text(
                place=place,
                version=version,
                kind=_kind(idea.author, place, version, len(found)),
                parents=tuple(one for one in found if one and one != place),
                unknown_parents=sum(one in {0, place} for one in found),
                under=under[place],
                depth=depths[place],
                final=place == len(idea.versions),
                remarks=tuple(remarks[place]),
            )
            for place, (version, found) in enumerate(zip(idea.versions, parents, strict=True), start=1)
        ]

    def walk(self) -> Iterator[Text]:
        """All texts, each before those that are drawn under it."""
        below: dict[int | None, list[Text]] = defaultdict(list)
        for text in self.texts:
            below[text.under].append(text)
        waiting = below[None][::-1]
        while waiting:
            text = waiting.pop()
            yield text
            waiting += below[text.place][::-1]

    def graph(self) -> dict[str, list[dict[str, Any]]]:
        """Texts and remarks as nodes, and as edges what was made from what and what is about what."""
        nodes: list[dict[str, Any]] = []
        edges: list[dict[str, Any]] = []
        for text in self.texts:
            name = f"text-{text.place}"
            version = text.version
            nodes.append(
                {
                    "id": name,
                    "kind": text.kind,
                    "author": version.author,
                    "hop": version.hop,
                    "final": text.final,
                    "text": version.id,
                    "idea": version.idea.model_dump(mode="json"),
                }
            )
            edges += [{"from": f"text-{one}", "to": name, "kind": "parent"} for one in text.parents]
        said = [(text.place, remark) for text in self.texts for remark in text.remarks]
        for count, (place, remark) in enumerate([*said, *((0, remark) for remark in self.loose)], start=1):
            name = f"remark-{count}"
            nodes.append({"id": name, "kind": remark.kind, "author": remark.author, "content": remark.content})
            edges += [{"from": name, "to": f"text-{place}", "kind": "about"}] if place else []
        return {"nodes": nodes, "edges": edges}


def _kind(author: str, place: int, version: IdeaVersion, parents: int) -> TextKind:
    if place == 1 and version.author == author:
        return "author's own text"
    if parents > 1:
        return "merged text"
    return "revision" if version.author == author else "refinement"


def _tree(parents: list[list[int]]) -> dict[int, int | None]:
    """By place: the last parent that does not lead back to the text itself. The first text stands under none."""
    under: dict[int, int | None] = dict.fromkeys(range(1, len(parents) + 1))
    for place, found in enumerate(parents[1:], start=2):
        under[place] = next((one for one in reversed(found) if not _leads_to(one, place, under)), None)
    return under


def _leads_to(start: int, place: int, under: dict[int, int | None]) -> bool:
    one: int | None = start
    while one is not None and one != place:
        one = under[one]
    return one is not None


def _depths(under: dict[int, int | None]) -> dict[int, int]:
    depths: dict[int, int] = {}
    for place in under:
        chain: list[int] = []
        one: int | None = place
        while one is not None and one not in depths:
            chain.append(one)
            one = under[one]
        depth = -1 if one is None else depths[one]
        for step, passed in enumerate(reversed(chain), start=1):
            depths[passed] = depth + step
    return depths


def _listed(places: tuple[int, ...]) -> str:
    if len(places) < 2:
        return "".join(f"text {place}" for place in places)
    return f"texts {', '.join(map(str, places[:-1]))} and {places[-1]}"
