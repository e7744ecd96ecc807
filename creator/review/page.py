"""What a person sees of a candidate. Everything of it is text of unknown origin: plain, cleaned, without markup."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from creator.blueprint import AUTHORS
from creator.review.base import Candidate
from creator.review.difference import difference, render_difference
from creator.review.programs import Edit
from creator.templates.slots import SlotValue
from creator.text import clean, clean_lines

_MAX_SLOTS: Final = 60
_MAX_FINDINGS: Final = 40
_MAX_COLOURED: Final = 60_000
"""Characters of a module that are highlighted; more would hold up the run."""


class Page:
    """One candidate as it is shown, or what a person made of it that the checks refused.

    Args:
        candidate: The candidate.
        draft: The person's version with its problem, or None.
    """

    def __init__(self, candidate: Candidate, draft: Edit | None) -> None:
        self.candidate = candidate
        self.draft = draft
        self.source = candidate.source if draft is None else draft.source

    def head(self) -> RenderableType:
        """Who it is, the values and what the policy said."""
        candidate = self.candidate
        facts = (
            AUTHORS[candidate.author],
            f"template {clean(candidate.template, 64)}",
            f"try {candidate.attempt}",
            f"sha256 {clean(candidate.sha256)[:12]}",
        )
        who = f"{clean(candidate.persona, 60)}, {clean(candidate.role, 80)} for {clean(candidate.sector, 120)}"
        parts: list[RenderableType] = [
            Text(),
            Rule(style="dim"),
            Text.assemble((clean(candidate.name, 64), "bold"), f"  {who}"),
            Text(", ".join(facts), "dim"),
        ]
        if candidate.slots:
            parts += [Text(), self._slots()]
        parts += [Text(), self._findings()]
        if self._hides:
            warning = "It holds characters that a terminal would obey or not show; below it is shown without them."
            parts.append(Text(warning, "bold yellow"))
        if self.draft is not None:
            parts += [Text(), Text(f"Your version was refused: {clean_lines(self.draft.problem, 2_000)}", "bold red")]
        return Group(*parts)

    def changes(self, *, whole: bool) -> RenderableType:
        """What differs from the template's own module, or from the candidate in a person's version.

        Args:
            whole: With the lines around each change, also where a model filled in nothing but values.
        """
        candidate = self.candidate
        name = f"{candidate.name}.py"
        if self.draft is not None:
            old, old_name, name = candidate.source, name, f"{name} (your version)"
            title = "Your changes:"
        elif candidate.template_source is not None:
            old, old_name = candidate.template_source, f"{candidate.template} (without a model)"
            title = "The difference to what the template gives without a model:"
        else:
            return Group(Text("There is nothing to compare it with; the whole module:", "bold"), self.module())
        context = 0 if candidate.author == "fill" and not whole else 3
        text = difference(old, self.source, old_name, name, context)
        return Group(Text(title, "bold"), render_difference(text) if text else Text("none"))

    def module(self) -> RenderableType:
        """The whole module."""
        text = clean_lines(self.source)
        if len(text) > _MAX_COLOURED:
            return Text(text)
        return Syntax(text, "python", theme="ansi_dark", word_wrap=True, background_color="default")

    @property
    def _hides(self) -> bool:
        return clean_lines(self.source) != self.source.replace("\r\n", "\n")

    def _slots(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(max_width=24, no_wrap=True, overflow="ellipsis", style="cyan")
        table.add_column(overflow="fold")
        slots = list(self.candidate.slots.items())
        for name, value in slots[:_MAX_SLOTS]:
            table.add_row(Text(clean(name, 64)), Text(_plain(value)))
        if len(slots) > _MAX_SLOTS:
            table.add_row(Text(), Text(f"and {len(slots) - _MAX_SLOTS} more"))
        return table

    def _findings(self) -> Text:
        findings = self.candidate.findings
        if not findings:
            return Text("policy: nothing to object", "green")
        lines = [clean(finding, 300) for finding in findings[:_MAX_FINDINGS]]
        if len(findings) > _MAX_FINDINGS:
            lines.append(f"and {len(findings) - _MAX_FINDINGS} more")
        return Text("\n".join(f"policy: {line}" for line in lines), "yellow")


def _plain(value: SlotValue) -> str:
    if isinstance(value, list):
        return clean(", ".join(clean(item, 200) for item in value[:20]), 1_000)
    return clean(str(value), 1_000)
