"""``runs replay`` and ``runs pack``: a run is played again from its recorded model calls, here or elsewhere."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from creator.cli import _completing
from creator.cli._shared import (
    PROGRAM,
    State,
    calm_libraries,
    debug_option,
    free_target,
    output_folder,
    output_option,
    print_json,
    stdout_console,
    templates_option,
)
from creator.text import clean

if TYPE_CHECKING:
    from creator.replaying.player import Replayed
    from creator.replaying.recording import Recording

EXIT_DIFFERENT = 3
EXIT_INTERRUPTED = 130


@click.command("replay")
@click.argument("run", metavar="RUN|FILE", shell_complete=_completing.runs)
@click.option(
    "--sandbox",
    metavar="NAME",
    shell_complete=_completing.sandboxes,
    help="auto, docker, bubblewrap or process [default: auto, the strongest that works here].",
)
@click.option("--runtime", metavar="NAME", help="Docker's OCI runtime, such as runsc for gVisor.")
@click.option("--unsafe", is_flag=True, default=None, help="Let a plain process run code that somebody else wrote.")
@templates_option
@output_option
@click.option("--json", "json_output", is_flag=True, default=None, help="Print what came of it as one JSON document.")
@click.option("--quiet", is_flag=True, default=None, help="Print nothing but errors.")
@debug_option
@click.pass_context
def replay(ctx: click.Context, /, run: str, **options: str | bool | tuple[str, ...] | None) -> int:
    """Play a run again from its recorded model calls: no model is asked, and no network used.

    What is played is RUN (a run's id, the beginning of one, or latest) or the FILE of "runs pack". It becomes a new
    run, whose modules and ideas are compared with those of the first, byte for byte.

    Exit codes: 0 all are the same, 3 some are not, 2 it cannot be played here, 130 interrupted.
    """
    from creator.progress import make_progress
    from creator.replaying.player import replay as play
    from creator.telemetry.export import exported_spans

    state = ctx.find_object(State) or State()
    calm_libraries(state.debug)
    output = options["output"]
    recording = _recording(run, output if isinstance(output, str) else None)
    quiet = bool(options["quiet"])
    progress = make_progress(len(recording.places) or 1, quiet=quiet, stream=sys.stderr)
    try:
        with exported_spans(quiet=quiet):
            replayed = asyncio.run(play(recording, options, progress, signals=True))
    finally:
        progress.finish()
    if options["json_output"]:
        print_json(_document(replayed))
    elif not quiet:
        _print(replayed)
    if replayed.outcome.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_DIFFERENT if replayed.differences else 0


@click.command("pack")
@click.argument("run", metavar="[RUN]", required=False, shell_complete=_completing.runs)
@click.option("--to", metavar="FILE", shell_complete=_completing.files, help="Where to [default: RUN.run.zip, here].")
@click.option("--force", is_flag=True, help="Replace FILE.")
@output_option
@debug_option
def pack(run: str | None, to: str | None, force: bool, output: str | None) -> None:
    """Put RUN [default: latest] into one file that "runs replay" plays again, also on another machine.

    It holds what models answered and what came of it, and nothing of this machine: no key, no address, no path.
    """
    from creator.ledger.view import find_run
    from creator.replaying.archive import ENDING
    from creator.replaying.archive import pack as write
    from creator.replaying.recorder import record_of

    directory = find_run(output_folder(output), run or "latest")
    target = free_target(to if to is not None else f"{directory.name}{ENDING}", force)
    recording = record_of(directory)
    write(recording, target)
    shown = clean(str(target))
    console = stdout_console()
    console.print(f"Written: {shown} ({target.stat().st_size:,} bytes)", soft_wrap=True)
    console.print(f"Play it: {PROGRAM} runs replay {shown}", soft_wrap=True)


def _recording(run: str, output: str | None) -> Recording:
    """What is played: a file where the argument names one, else a run."""
    from creator.ledger.view import find_run
    from creator.replaying.archive import unpack
    from creator.replaying.recorder import record_of

    path = Path(run).expanduser() if "\0" not in run else Path()
    if run.endswith(".zip") or path.is_file():
        return unpack(path)
    return record_of(find_run(output_folder(output), run), hide=False)


def _document(replayed: Replayed) -> dict[str, object]:
    outcome = replayed.outcome
    return {
        "run_id": outcome.run_id,
        "replay_of": outcome.replay_of,
        "identical": not replayed.differences and not outcome.interrupted,
        "modules": replayed.modules,
        "ideas": replayed.ideas,
        "one_shot_ideas": replayed.one_shots,
        "differences": replayed.differences,
        "interrupted": outcome.interrupted,
        "directory": str(outcome.directory),
    }


def _print(replayed: Replayed) -> None:
    from rich.text import Text

    outcome = replayed.outcome
    counted = [_many(replayed.modules, "module"), _many(replayed.ideas, "idea")]
    if replayed.one_shots:
        counted.append(_many(replayed.one_shots, "one-shot idea"))
    console = stdout_console()
    if outcome.interrupted:
        console.print(Text(f"interrupted; identical so far: {', '.join(counted)}"))
    else:
        kind = "not identical; the same are" if replayed.differences else "identical"
        console.print(Text(f"{kind}: {', '.join(counted)}"))
        for line in replayed.differences:
            console.print(Text(f"  {clean(line, 400)}"), soft_wrap=True)
    console.print(Text(f"Run {outcome.run_id} is run {clean(outcome.replay_of, 40)} played again."), soft_wrap=True)


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
