"""``policy``: checks modules as the Creator does, and says what the rules are for."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from creator.cli import _completing
from creator.cli._shared import EXIT_USAGE, PROGRAM, debug_option, json_option, print_json, stdout_console
from creator.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from creator.policy import Rule

_STANDARD_INPUT: Final = "-"
_EXIT_FINDINGS: Final = 1


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, shell_complete=_completing.files)
@click.option("--rules", is_flag=True, help="List the rules, or explain those that are named: --rules CODE.")
@json_option
@debug_option
def policy(files: tuple[str, ...], rules: bool, as_json: bool) -> int:
    """Check modules by the static policy; nothing of them is run.

    FILE is a Python module, a folder whose *.py files are checked, or - for standard input. Each finding is a line
    FILE:LINE:COLUMN: CODE message.

    Exit codes: 0 all pass, 1 there are findings, 2 a file cannot be read.
    """
    if rules:
        _tell_rules(files, as_json)
        return 0
    if not files:
        raise UsageError(f"name a FILE, a folder or - to check, or list the rules: {PROGRAM} policy --rules")
    return _check(files, as_json)


def _check(files: Iterable[str], as_json: bool) -> int:
    from creator.policy import RULES, check_module
    from creator.text import clean

    checked = unreadable = 0
    counts: list[int] = []
    told: list[dict[str, object]] = []
    for name, source in _sources(files):
        if isinstance(source, EnvironmentFault):
            unreadable += 1
            print(f"creator: {clean(str(source))}", file=sys.stderr, flush=True)
            continue
        checked += 1
        findings = check_module(source, clean(name))
        if findings:
            counts.append(len(findings))
        for finding in findings:
            if as_json:
                place = {"file": name, "line": finding.line, "column": finding.column}
                reason = RULES[finding.rule].reason
                told.append({**place, "code": finding.rule, "message": finding.message, "reason": reason})
            else:
                click.echo(str(finding))
    if as_json:
        print_json(told)
    elif checked:
        sys.stdout.flush()
        print(_summary(checked, counts), file=sys.stderr, flush=True)
    return EXIT_USAGE if unreadable else _EXIT_FINDINGS if counts else 0


def _summary(checked: int, counts: list[int]) -> str:
    from creator.policy.check import MAX_FINDINGS

    modules = "1 module" if checked == 1 else f"{checked} modules"
    if not counts:
        return f"{modules} checked, no findings"
    least = "at least " if MAX_FINDINGS in counts else ""  # a module's list ends there
    findings = "1 finding" if counts == [1] else f"{sum(counts)} findings"
    return f"{modules} checked, {least}{findings} in {len(counts)}; why: {PROGRAM} policy --rules CODE"


def _sources(files: Iterable[str]) -> Iterator[tuple[str, bytes | EnvironmentFault]]:
    """Names and contents of the modules, or what keeps one from being read."""
    for file in dict.fromkeys(files):
        try:
            if file == _STANDARD_INPUT:
                yield file, _read_standard_input()
            elif Path(file).is_dir():
                yield from _in_folder(Path(file))
            else:
                yield file, _read(Path(file))
        except EnvironmentFault as fault:
            yield file, fault
        except (OSError, ValueError) as error:
            yield file, _fault(file, error)


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes | EnvironmentFault]]:
    """The modules of a folder and of the folders in it; links in there may lead anywhere and are not followed."""
    closed: list[OSError] = []
    found = False
    for place, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(place, name) for name in sorted(names) if name.endswith(".py")):
            found = True
            try:
                if path.is_symlink():
                    raise EnvironmentFault(f"cannot read {str(path)!r}: it is a link; name the file that it leads to")
                yield str(path), _read(path)
            except EnvironmentFault as fault:
                yield str(path), fault
            except OSError as error:
                yield str(path), _fault(str(path), error)
    for one in closed:
        yield str(one.filename), _fault(str(one.filename), one)
    if not found and not closed:
        raise EnvironmentFault(f"there is no *.py file in the folder {str(folder)!r}")


def _read(path: Path) -> bytes:
    """A file's first bytes: one more than a module may have is enough to refuse it."""
    from creator.policy import MAX_SOURCE_BYTES

    path.stat()
    if not path.is_file():  # a device may have no end, and a named pipe no beginning
        raise EnvironmentFault(f"cannot read {str(path)!r}: it is not a regular file; pipe it to: {PROGRAM} policy -")
    with path.open("rb") as file:
        return file.read(MAX_SOURCE_BYTES + 1)


def _read_standard_input() -> bytes:
    from creator.policy import MAX_SOURCE_BYTES

    if sys.stdin is None:
        raise EnvironmentFault("cannot read standard input: it is closed")
    return sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)


def _fault(file: str, error: Exception) -> EnvironmentFault:
    return EnvironmentFault(f"cannot read {file!r}: {getattr(error, 'strerror', None) or error}")


def _tell_rules(codes: Iterable[str], as_json: bool) -> None:
    from creator.policy import RULES

    wanted = [_find_rule(code) for code in codes]
    if as_json:
        print_json([_as_json(rule) for rule in wanted or RULES.values()])
        return
    from rich.padding import Padding
    from rich.text import Text

    console = stdout_console()
    if not wanted:
        from creator.cli._tables import rules_table

        console.print(rules_table(RULES.values()))
        console.print(f"Why, and examples: {PROGRAM} policy --rules {next(iter(RULES))}", soft_wrap=True)
        return
    for rule in wanted:
        console.print(Text.assemble((rule.id, "bold"), f"  {rule.summary}"))
        console.print(Padding(Text(rule.reason), (1, 0)))
        for label, example in (("Refused", rule.refused), ("Passes", rule.passes)):
            console.print(Text(label, "bold cyan"))
            console.print(Padding(Text(example.shown), (0, 0, 0, 2)))
    console.print(Text("What stands around an example is left out.", "dim"))


def _find_rule(code: str) -> Rule:
    from creator.policy import RULES
    from creator.text import clean

    rule = RULES.get(code.upper())
    if rule is None:
        near = difflib.get_close_matches(code.upper()[:40], RULES, n=1, cutoff=0.6)
        hint = f"Did you mean {near[0]!r}?" if near else f"See: {PROGRAM} policy --rules"
        raise UsageError(f"No rule {clean(code, 40)!r}. {hint}")
    return rule


def _as_json(rule: Rule) -> dict[str, str]:
    return {
        "code": rule.id,
        "summary": rule.summary,
        "reason": rule.reason,
        "refused": rule.refused.shown,
        "passes": rule.passes.shown,
    }
