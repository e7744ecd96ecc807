"""The pages of the reference that the program itself tells: ``python -m tests.docs.reference`` writes them anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

import creator
from creator.cli import cli
from creator.cli._shared import PROGRAM
from creator.cli.spawn import spawn
from creator.settings_guide import grouped_settings
from creator.settings_words import DOTENV, TOML

FOLDER = Path(creator.__file__).parent.parent / "docs" / "reference"
WIDTH = 100


def command_line() -> str:
    """Every command with its whole ``--help``."""
    lines = ["# The command line", ""]
    lines += ["What each command says with `--help`. An installation puts the same program on the path as `creator`."]
    for name, command in _commands(cli, ""):
        depth = "##" if " " not in name else "###"
        context = click.Context(command, info_name=f"{PROGRAM} {name}".rstrip(), terminal_width=WIDTH)
        context.max_content_width = WIDTH
        lines += ["", f"{depth} {name or 'creator'}", "", "```text", command.get_help(context), "```"]
    return "\n".join(lines) + "\n"


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if name:
        yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for one in command.list_commands(context):
            found = command.get_command(context, one)
            assert found is not None
            yield from _commands(found, f"{name} {one}".strip())


def settings() -> str:
    """Every setting with its meaning, values and default."""
    options = {one.name: one.opts[0] for one in spawn.params if isinstance(one, click.Option)}
    fields = {"with": "with_agents", "json": "json_output"}
    lines = [
        "# Settings",
        "",
        f"Each can stand in `{TOML}` by its name, in the environment or `{DOTENV}` as `CREATOR_` and its name in",
        "capitals, and most as an option of `spawn`. The command line wins over the environment, that over",
        f"`{DOTENV}`, that over `{TOML}`. An empty value counts as not set. `{PROGRAM} init` writes a",
        f"`{TOML}` with all of them.",
        "",
        "Read from the environment alone: `CREATOR_CACHE_DIR`, where the embedded model and `answers.sqlite` are kept.",
        f"Read from it or from `{DOTENV}`: the [keys of providers](../how-to/choose-a-model.md#keys).",
    ]
    for title, group in grouped_settings().items():
        lines += [
            "",
            f"## {title}",
            "",
            "| setting | meaning | values | default | option |",
            "| --- | --- | --- | --- | --- |",
        ]
        for one in group:
            option = options.get(fields.get(one.name, one.name), "")
            cells = [f"`{one.name}`", one.meaning, one.values, f"`{one.default}`", f"`{option}`" if option else ""]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


PAGES = {"command-line.md": command_line, "settings.md": settings}


if __name__ == "__main__":
    for file, make in PAGES.items():
        (FOLDER / file).write_text(make(), encoding="utf-8")
