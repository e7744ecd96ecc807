"""Templates: the shipped ones, and those that people add."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from creator.briefs import draw_briefs
from creator.errors import BrokenTemplate, CreatorError, UsageError
from creator.policy import check_module
from creator.templates.examples import example_blueprint
from creator.templates.files import SCHEMA_SUFFIX, SOURCE_SUFFIX
from creator.templates.rendering import TEMPLATES, Template, read_template
from creator.text import clean


@dataclass(frozen=True)
class Found:
    """A template that lies in a folder, whether it can be used or not.

    Attributes:
        name: Its name.
        folder: Where its files lie.
        template: The template; None when it is broken.
        problem: Why it is broken.
    """

    name: str
    folder: Path
    template: Template | None = None
    problem: BrokenTemplate | None = None


def read_folder(folder: Path) -> list[Found]:
    """Everything in a folder that is a template or half of one, by name; none hides another.

    Raises:
        UsageError: The folder cannot be read.
    """
    try:
        files = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"the folder of templates {clean(str(folder), 200)!r} cannot be read: {reason}") from None
    names = {
        file.removesuffix(suffix)
        for file in files
        for suffix in (SOURCE_SUFFIX, SCHEMA_SUFFIX)
        if file.endswith(suffix)
    }
    return [_read(folder, name) for name in sorted(names)]


def _read(folder: Path, name: str) -> Found:
    try:
        return Found(name, folder, template=read_template(folder, name))
    except BrokenTemplate as problem:
        return Found(name, folder, problem=problem)


def scan(folders: Iterable[Path] = ()) -> list[Found]:
    """All templates of the shipped folder and of the user's, in this order.

    Raises:
        UsageError: A folder cannot be read.
    """
    distinct = {folder.resolve(): folder for folder in (TEMPLATES, *folders)}
    return [found for folder in distinct.values() for found in read_folder(folder)]


def find_templates(folders: Iterable[Path] = (), say: Callable[[str], None] | None = None) -> dict[str, Template]:
    """The templates that can be used, by name.

    A later folder's template takes the place of an earlier one's of the same name, so that a user's own goes before
    a shipped one. A broken template takes nobody's place.

    Args:
        folders: The user's folders.
        say: Told in a line of every place that is taken and of every template that is broken.

    Raises:
        UsageError: A folder cannot be read.
    """
    return usable(scan(folders), say)


def usable(scanned: Iterable[Found], say: Callable[[str], None] | None = None) -> dict[str, Template]:
    """Of what `scan` gave, what `find_templates` gives."""
    templates: dict[str, Template] = {}
    for found in scanned:
        if found.problem is not None:
            _tell(say, f"{found.problem} (in {_shown(found.folder)}; left out)")
        elif found.template is not None:
            if found.name in templates:
                other = templates[found.name].folder
                hidden = "the shipped one" if other == TEMPLATES else f"the one in {_shown(other)}"
                _tell(say, f"template {found.name!r} is taken from {_shown(found.folder)}, instead of {hidden}")
            templates[found.name] = found.template
    return templates


def _tell(say: Callable[[str], None] | None, line: str) -> None:
    if say is not None:
        say(line)


def _shown(folder: Path | None) -> str:
    return repr(clean(str(folder), 200))


def named(name: str, scanned: Sequence[Found]) -> Template:
    """The template of a name.

    Args:
        name: As a user wrote it.
        scanned: What `scan` gave.

    Raises:
        BrokenTemplate: It is broken.
        UsageError: There is none; the text says which there are.
    """
    templates = usable(scanned)
    if name in templates:
        return templates[name]
    for found in scanned:
        if found.name == name and found.problem is not None:
            raise found.problem
    near = difflib.get_close_matches(name, templates, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(templates))}"
    raise UsageError(f"there is no template {clean(name, 64)!r}; {hint}")


def choose_templates(
    mix: Mapping[str, float], folders: Iterable[Path] = (), say: Callable[[str], None] | None = None
) -> dict[str, Template]:
    """The templates of a mix, by name, each tried with example values.

    Args:
        mix: Weights by name, as `creator.templates.mix.parse_mix` gives them.
        folders: The user's folders.
        say: Told in a line of what `find_templates` tells.

    Raises:
        UsageError: A folder cannot be read, or there is no template of such a name.
        BrokenTemplate: A template cannot be used.
    """
    scanned = scan(folders)
    usable(scanned, say)
    templates = {name: named(name, scanned) for name in mix}
    for template in templates.values():
        _try(template)
    return templates


def _try(template: Template) -> None:
    """Whether an ordinary agent can be made from it: better one line now than three failed births for each agent."""
    brief = draw_briefs(1, seed=0)[0]
    try:
        variables = example_blueprint(template, brief)
        findings = check_module(template.render(variables), template.file)
    except BrokenTemplate:
        raise
    except CreatorError as error:
        raise BrokenTemplate(template.name, template.file, None, str(error)) from None
    if findings:
        line = template.source_line(variables, findings[0].line)
        raise BrokenTemplate(template.name, template.file, line, f"{findings[0].rule} {findings[0].message}")
