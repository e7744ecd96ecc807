"""The tables of ``templates``."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from creator.cli._tables import make_table
from creator.templates.rendering import TEMPLATES, Template
from creator.templates.slot_schema import form_of
from creator.text import clean


def templates_table(templates: list[Template]) -> Table:
    """A line each; names are shown whole, since commands ask for them."""
    table = make_table()
    table.add_column("Template", no_wrap=True)
    table.add_column("Slots", justify="right", no_wrap=True)
    table.add_column("Where", ratio=2, no_wrap=True, overflow="ellipsis", style="dim")
    table.add_column("What it is", ratio=5, overflow="fold")
    for one in templates:
        where = "shipped" if one.folder == TEMPLATES else clean(str(one.folder), 200)
        table.add_row(Text(one.name), Text(str(len(one.schema["properties"]))), Text(where), Text(one.description))
    return table


def slots_table(template: Template) -> Table:
    """A line for each slot: what it takes, how a small model fills it, and what a capable one is told of it."""
    table = make_table()
    table.add_column("Slot", ratio=3, overflow="fold")
    table.add_column("Takes", ratio=4, overflow="fold")
    table.add_column("Small model", min_width=11, overflow="fold")
    table.add_column("Description", ratio=6, overflow="fold")
    hints = template.hints
    for name, one in template.schema["properties"].items():
        how = hints[name]["kind"] + ("" if "x-fill" in one else " (derived)")
        table.add_row(Text(name), Text(form_of(one)), Text(how), Text(clean(one.get("description", ""), 300)))
    return table
