"""``init``: a `creator.toml` to begin with."""

from __future__ import annotations

import os
from pathlib import Path

import click

from creator.cli._shared import PROGRAM, debug_option
from creator.errors import UsageError
from creator.models.providers import KEYS
from creator.text import clean


@click.command()
@click.argument("folder", default=".")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@debug_option
def init(folder: str, force: bool) -> None:
    """Write a creator.toml with every setting, what it means and its default, all commented out.

    It goes into FOLDER [default: the one that you are in]. "spawn" reads the one in the folder where it is started.
    Keys are not asked for and not written.
    """
    from creator.outputs import write_atomically
    from creator.settings_guide import settings_file
    from creator.settings_words import DOTENV, TOML

    if not folder.strip() or "\0" in folder or not Path(folder).expanduser().is_dir():
        raise UsageError(f"{clean(folder, 200)!r} is no folder: make it first, or name another one.")
    path = Path(folder).expanduser() / TOML
    shown = clean(str(path), 200)
    if os.path.lexists(path) and not force:
        raise UsageError(f"{shown!r} exists already: see what is in it, or replace it with --force.")
    if path.is_dir():
        raise UsageError(f"{shown!r} is a folder: move it away first.")
    write_atomically(path, settings_file(), "init FOLDER")
    first, _ = next(iter(KEYS.values()))
    click.echo(f"Written: {shown}. Every setting is in it, commented out: take away the # of those that you want.")
    click.echo(f"A key goes into the environment or into {DOTENV} beside it, as a line {first}=..., never into {TOML}.")
    click.echo(f"Then: {PROGRAM} spawn 5")
