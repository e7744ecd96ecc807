"""``completion``: the script by which a shell completes commands, options and names."""

from __future__ import annotations

from typing import Final

import click

from creator.cli._shared import COMPLETE_VARIABLE, debug_option

_SCRIPT: Final = "creator"
"""The program that is completed: no shell completes ``python -m creator``."""
_HELP: Final = """\
Print a script that lets a shell complete commands, options, runs and agents when Tab is pressed.

It is for the program "creator", which an installation puts beside Python, and does the same as python -m creator.
To have it in each new shell:

\b
  bash   echo 'eval "$(creator completion bash)"' >> ~/.bashrc
  zsh    echo 'eval "$(creator completion zsh)"' >> ~/.zshrc
  fish   creator completion fish > ~/.config/fish/completions/creator.fish
"""
_OFFER: Final = "COMPREPLY+=($value)"
"""Where click's script for bash takes a word; after ``openai:`` there shall be no blank."""


@click.command("completion", help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@debug_option
def completion(shell: str) -> None:
    """Print a script that lets a shell complete commands and names."""
    from click.shell_completion import ShellComplete, get_completion_class

    from creator.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    # That of the base class: bash's own would start a bash to ask for its version.
    script = ShellComplete.source(found(cli, {}, _SCRIPT, COMPLETE_VARIABLE))
    click.echo(script.replace(_OFFER, f"{_OFFER}\n            [[ $value == *: ]] && compopt -o nospace"))
