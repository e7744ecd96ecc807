"""``mcp``: serve runs, agents and ideas to other assistants."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

import click

from creator.cli._shared import PROGRAM, State, calm_libraries, debug_option, output_folder, output_option

_SNIPPET: Final = """\
\b
{
  "mcpServers": {
    "agent-creator-sandbox": {
      "command": "python",
      "args": ["-m", "creator", "mcp", "--max-cost", "1",
               "--output", "/path/to/generated"],
      "env": {"OPENAI_API_KEY": "..."}
    }
  }
}"""


@click.command(
    "mcp",
    help=f"""\
Serve runs, agents and ideas to another assistant, over the Model Context Protocol on standard input and output.

An assistant can read everything in the folder of runs, ask agents questions, and start runs within the budget that you
set here, for the life of the server. Without --max-cost and --max-tokens it can use no model but those that cost
nothing, such as the embedded one. Runs that it started end with the server; "runs resume" goes on with them.

Register it in your assistant's settings; {PROGRAM} mcp --print-config prints this with the paths of this machine:

{_SNIPPET}

The model of new runs, and every other option of spawn, comes from the environment (CREATOR_MODEL=...), .env or
creator.toml, never from the assistant.
""",
)
@output_option
@click.option(
    "--max-cost",
    metavar="USD",
    type=click.FloatRange(min=0, min_open=True, max=1e6),
    help="US dollars that assistants may spend in all [default: nothing].",
)
@click.option(
    "--max-tokens",
    metavar="T",
    type=click.IntRange(min=1),
    help="Tokens that they may spend in all, read and written [default: of free models no limit].",
)
@click.option("--max-agents", metavar="N", type=click.IntRange(min=0), help="Births in all runs [default: 50].")
@click.option("--max-runs", metavar="K", type=click.IntRange(min=0), help="Runs that they may start [default: 5].")
@click.option("--print-config", is_flag=True, help="Print what registers this server in a client, and end.")
@debug_option
@click.pass_context
def mcp(
    ctx: click.Context,
    output: str | None,
    max_cost: float | None,
    max_tokens: int | None,
    max_agents: int | None,
    max_runs: int | None,
    print_config: bool,
) -> int:
    """Serve runs, agents and ideas to another assistant."""
    folder = output_folder(output)
    limits = {"max_cost": max_cost, "max_tokens": max_tokens, "max_agents": max_agents, "max_runs": max_runs}
    if print_config:
        click.echo(_config(folder, {name: value for name, value in limits.items() if value is not None}))
        return 0
    calm_libraries((ctx.find_object(State) or State()).debug)
    from creator.assistants import Limits, serve
    from creator.assistants.purse import DEFAULT_AGENTS, DEFAULT_RUNS

    if sys.stdin is not None and sys.stdin.isatty():
        click.echo(
            f"Waiting for an assistant on standard input; to register this server: {PROGRAM} mcp --help", err=True
        )
    return asyncio.run(
        serve(
            folder,
            Limits(
                cost=max_cost,
                tokens=max_tokens,
                agents=DEFAULT_AGENTS if max_agents is None else max_agents,
                runs=DEFAULT_RUNS if max_runs is None else max_runs,
            ),
        )
    )


def _config(folder: Path, limits: dict[str, object]) -> str:
    """What registers the server in a client, with the paths of this machine and the same limits."""
    arguments = ["-m", "creator", "mcp", "--output", str(folder.absolute())]
    for name, value in limits.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    server = {"command": sys.executable, "args": arguments}
    return json.dumps({"mcpServers": {"agent-creator-sandbox": server}}, indent=2)
