"""The hostile modules: data files that are read, never imported, and how a module is made of each."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "modules"
BATCH: Final = 12
"""How many quiet attacks share a run."""

MOMENTS: Final = frozenset({"import", "constructor", "hello", "propose"})
PLACINGS: Final = frozenset({"", "symlink", "hard link", "replaced", "truncated", "fifo", "padded"})
CONTROLS: Final = (False, True, "root")
CONSTANTS: Final = ("WHEN", "EXPECT", "ALONE", "CONTROL", "REFUSED", "ANSWERS", "PLACED", "PERSONA", "CERTAIN")
"""What a data file may set; all have defaults."""


@dataclass(frozen=True)
class Hostile:
    """One data file.

    Attributes:
        stem: Its name without the ending; the check's name.
        topic: Its folder.
        text: What stands in it.
        tries: Its first line: what it tries.
        when: When the attack runs: at ``import``, in the ``constructor``, at ``hello`` or at ``propose``.
        expect: A regular expression for what becomes of the agent: ``contained`` (it answers as usual, and says
            that it got nothing), ``answered: TITLE`` (its idea has this title), or the reason why it failed.
        alone: The run that it is part of, when it must not disturb the batches: a label, or its own stem.
        control: Whether the attack succeeds in an unconfined process; ``root`` when only for root.
        refused: A regular expression for a refusal of this agent that has to stand in the ledger.
        answers: Whether what the attack returns or raises is the agent's own answer.
        placed: How its file lies in the folder of modules, where that is the attack.
        persona: What the agent is called; its stem unless the name is the attack.
        certain: Whether the attack succeeds every time where nothing stops it.
    """

    stem: str
    topic: str
    text: str = field(repr=False)
    tries: str = ""
    when: tuple[str, ...] = ("propose",)
    expect: str = "contained"
    alone: str = ""
    control: bool | str = False
    refused: str = ""
    answers: bool = False
    placed: str = ""
    persona: str = ""
    certain: bool = True

    def render(self, targets: Mapping[str, Any]) -> str:
        """The module: the data file, its targets, what attacks share, and an agent around it."""
        constants = f"TARGETS = {dict(targets)!r}\nWHEN = {self.when!r}\nANSWERS = {self.answers!r}\n"
        return "\n\n".join((self.text, constants, shared("_helpers"), shared("_agent")))

    def render_control(self, targets: Mapping[str, Any]) -> str:
        """A script that runs the attack in a plain process and prints its evidence."""
        constants = f"TARGETS = {dict(targets)!r}\n"
        end = "import asyncio\nprint(asyncio.run(attack(None, None, None, TARGETS)) or '')\n"
        return "\n\n".join((self.text, constants, shared("_helpers"), end))


def shared(name: str) -> str:
    """The text of a file that is no attack by itself."""
    return (FOLDER / f"{name}.py").read_text("utf-8")


def read(path: Path) -> Hostile:
    """Read a data file without running it."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    constants: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
            constants |= {target.id.lower(): ast.literal_eval(statement.value)} if target.id in CONSTANTS else {}
    when = constants.pop("when", "propose")
    alone = constants.pop("alone", "")
    return Hostile(
        stem=path.stem,
        topic=path.parent.name,
        text=text,
        tries=ast.get_docstring(tree) or "",
        when=(when,) if isinstance(when, str) else tuple(when),
        alone=path.stem if alone is True else alone or "",
        **{"persona": path.stem.replace("_", " "), **constants},
    )


def read_all() -> list[Hostile]:
    """All data files, by topic and name."""
    return [read(path) for path in sorted(FOLDER.glob("*/*.py"))]


ALL: Final = read_all()


def groups() -> dict[str, list[Hostile]]:
    """Which attacks share a run, by the run's label."""
    found: dict[str, list[Hostile]] = {}
    quiet: Iterator[Hostile] = (one for one in ALL if not one.alone)
    for number in itertools.count(1):
        batch = list(itertools.islice(quiet, BATCH))
        if not batch:
            break
        found[f"batch-{number}"] = batch
    for one in ALL:
        if one.alone:
            found.setdefault(one.alone, []).append(one)
    return found


GROUPS: Final = groups()


def group_of(hostile: Hostile) -> str:
    """The label of the run that a module is part of."""
    return next(label for label, members in GROUPS.items() if hostile in members)
