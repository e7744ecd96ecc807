"""A foreign module and what became of it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import PurePath

import libcst as cst

from creator.adopting.bounds import parsed
from creator.adopting.names import Names, imports_of, local_name
from creator.adopting.notes import Notes
from creator.adopting.plan import Plan
from creator.adopting.rewriting import rewrite
from creator.adopting.survey import survey
from creator.adopting.tidying import tidied
from creator.errors import UsageError
from creator.policy import Finding, check_module
from creator.policy.findings import quoted
from creator.text import clean
from sandbox.protocol import RESERVED_NAMES


@dataclass(frozen=True)
class Adoption:
    """A module rewritten onto `sandbox.kit`, and what a person should know of it.

    Attributes:
        filename: The name of the original's file; one plain line.
        original: The module as it came.
        source: The rewritten module; the original itself when it uses the kit already.
        changes: What was mapped, a short sentence each, by lines of the original.
        unmapped: What could not be mapped and is left as it was, the same way.
        findings: What the policy refuses of the rewritten module; its lines are those of `source`.
    """

    filename: str
    original: str
    source: str
    changes: tuple[str, ...]
    unmapped: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def difference(self) -> str:
        """The unified diff from the original to the rewritten module; empty when they are the same."""
        before, after = self.original.splitlines(), self.source.splitlines()
        lines = difflib.unified_diff(before, after, self.filename, f"{self.filename} (adopted)", lineterm="")
        return "".join(f"{line}\n" for line in lines)


def adopt(source: str, filename: str) -> Adoption:
    """Rewrite a foreign agent's module onto `sandbox.kit`; nothing of it is run.

    Args:
        source: The module, at most `creator.policy.MAX_SOURCE_BYTES`.
        filename: The path or name of its file; only its last part is told.

    Raises:
        UsageError: It is no Python, too large or too complex, or has no single class that is the agent.
    """
    name = clean(PurePath(filename).name, 100) or "the module"
    source = source.removeprefix("\ufeff")
    tree = parsed(source, name)
    if any(one == "sandbox" or one.startswith("sandbox.") for one in Names.of(tree).imported.values()):
        return Adoption(name, source, source, (), (), tuple(check_module(source, name)))
    changes, unmapped = Notes(), Notes()
    try:
        plan = Plan.of(tree, name)
        rewritten, gone = tidied(rewrite(source, plan, changes, unmapped), f"Adopted from {_plain(name)}.")
        survey(tree, plan, gone, unmapped)
    except (cst.ParserSyntaxError, cst.CSTValidationError, SyntaxError, RecursionError, KeyError) as error:
        # libcst's table of positions makes a KeyError of a RecursionError.
        if isinstance(error, KeyError) and not isinstance(error.__context__, RecursionError | KeyError):
            raise
        raise UsageError(
            f"{name!r} cannot be adopted: it is too unusual to be rewritten; write it more simply"
        ) from error
    for node, alias in imports_of(tree):
        if local_name(node, alias) in gone:
            changes.add(node.lineno, f"the import of {quoted(alias.name)} is left out: nothing uses it")
    return Adoption(name, source, rewritten, changes.told(), unmapped.told(), tuple(check_module(rewritten, name)))


def persona_of(filename: str) -> str:
    """A name for the agent of a file, in the form of `sandbox.protocol.AGENT_NAME`: ``agent7.py`` gives ``agent7``."""
    name = re.sub(r"[^a-z0-9_]+", "_", PurePath(filename).stem.lower()[:200], flags=re.ASCII).strip("_")
    if not name[:1].isalpha() or name in RESERVED_NAMES:
        name = f"agent_{name}".rstrip("_")
    return name[:64]


def _plain(name: str) -> str:
    """A file name that may stand in any docstring."""
    return re.sub(r"[^\w .-]", "_", name, flags=re.ASCII)
