"""``runs model``: the model of a run as a component file of AutoGen's."""

from __future__ import annotations

import json

import click

from creator.cli._shared import debug_option, free_target, open_run, output_option
from creator.text import clean

_OPTION = "--to"


@click.command("model")
@click.argument("run", required=False)
@click.option(_OPTION, "to", metavar="FILE", help="Where to, such as model.json [default: printed].")
@click.option("--force", is_flag=True, help="Replace FILE.")
@output_option
@debug_option
def model(run: str | None, to: str | None, force: bool, output: str | None) -> None:
    """Write the model of RUN [default: latest] as an AutoGen component, without a key.

    "spawn --model FILE" takes it, and so do AutoGen's load_component and AutoGen Studio.
    """
    from creator.exporting.component import model_component_of
    from creator.outputs import stored_settings, write_atomically

    target = None if to is None else free_target(to, force)
    outcome = open_run(output, run).outcome
    base_url = stored_settings(outcome.directory).get("base_url")
    made = model_component_of(outcome.model, base_url if isinstance(base_url, str) else None)
    text = json.dumps(made, indent=2) + "\n"  # in ASCII: no terminal obeys it
    if target is None:
        click.echo(text, nl=False)
    else:
        write_atomically(target, text, _OPTION)
        click.echo(f"Written: {clean(str(target))}")
