"""The files of a run: `generated/<run-id>/` and what stands in it.

Every file is UTF-8 whatever the locale, and appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, TextIO, cast

from creator.errors import EnvironmentFault
from creator.files import read_within
from creator.ledger.history import History, load_history
from creator.masking import public_url
from creator.outcome import IdeaOutcome, RunOutcome, StartedRun
from creator.reporting.idea_files import idea_file_name, render_idea
from creator.reporting.report import render_report
from creator.reporting.standings import Standings
from creator.reporting.summary import render_summary
from creator.settings import SpawnSettings
from creator.text import encodable

RUN_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)
"""The form of a run's id: start in UTC, then four random digits. Ids sort by time."""

LATEST: Final = "latest"
RUN_FILE: Final = "run.json"
SETTINGS_FILE: Final = "settings.json"
COPIED_FILES: Final = {"idea_schema": "idea_schema.json", "briefs": "briefs.json", "prices": "prices.json"}
"""By setting: the copy of a user's file in the run's folder."""
MAX_SETTINGS_BYTES: Final = 100_000
REPORT_FILE: Final = "report.html"
SUMMARY_FILE: Final = "report.md"
"""The same in short, for a terminal or a pull request."""
ONE_SHOT_IDEAS: Final = "ideas/one-shot"
"""The folder of the ideas of the baseline, in the run's folder."""

_MAX_LATEST_BYTES: Final = 100
_ID_TRIES: Final = 100
_WRITERS: Final = 8
"""How many idea files are written side by side: a disk confirms several in little more time than one."""


def new_run_directory(output: Path) -> Path:
    """Make the folder of a new run, with `agents/` and `ideas/` in it; the folder's name is the run's id.

    Raises:
        EnvironmentFault: It cannot be made; the text says why and what to do.
    """
    with reported(output):
        output.mkdir(parents=True, exist_ok=True)
        for _ in range(_ID_TRIES):
            name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
            directory = output / name
            try:
                directory.mkdir()  # fails when another run has taken the id in the same instant
            except FileExistsError:
                continue
            for part in ("agents", "ideas"):
                (directory / part).mkdir()
            # The sandbox reads the modules as another user; who may enter the run is for the folder above.
            (directory / "agents").chmod(0o755)
            return directory
    raise EnvironmentFault(f"No free run id in {str(output)!r}: choose another folder with --output.")


def publish_latest(output: Path, run_directory: Path) -> None:
    """Point `latest` at the run: a symbolic link, or a text file with the run's id where links don't work.

    A folder of the user's that is called `latest` stays as it is.

    Raises:
        EnvironmentFault: Neither can be written.
    """
    latest = output / LATEST
    if latest.is_dir() and not latest.is_symlink():
        return
    temporary = output / f".{LATEST}-{secrets.token_hex(4)}"
    try:
        temporary.symlink_to(run_directory.name, target_is_directory=True)
        temporary.replace(latest)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        write_atomically(latest, run_directory.name + "\n")


def latest_name(output: Path) -> str:
    """What `latest` points at: the name of a run that may have gone; empty when it names none."""
    latest = output / LATEST
    try:
        if latest.is_symlink():
            name = latest.readlink().name
        else:
            name = read_within(output, LATEST, _MAX_LATEST_BYTES).decode("ascii").strip()
    except (OSError, ValueError):
        return ""
    return name if RUN_ID.fullmatch(name) else ""


def renew_latest(output: Path, left: Sequence[str]) -> None:
    """Point `latest` at the newest run when the one that it named has gone; remove it when there is none.

    Args:
        output: The folder of all runs.
        left: The ids of all runs that there are, oldest first.

    Raises:
        EnvironmentFault: It cannot be written or removed.
    """
    name = latest_name(output)
    if not name or name in left:
        return
    if left:
        publish_latest(output, output / left[-1])
        return
    with reported(output):
        (output / LATEST).unlink()


def write_started(run_directory: Path, info: StartedRun) -> None:
    """Write `run.json` of a run that begins.

    Raises:
        EnvironmentFault: It cannot be written.
    """
    write_atomically(run_directory / RUN_FILE, _as_json(info.model_dump(mode="json")))


def write_settings(run_directory: Path, settings: SpawnSettings) -> None:
    """Write `settings.json`: what the run was asked for, to bring its agents back to life in the same way.

    Raises:
        EnvironmentFault: It cannot be written.
    """
    left_out = {"output", "objective_file", "json_output", "quiet", "yes", "serve"}
    values = settings.model_dump(mode="json", exclude=left_out, exclude_none=True)
    if "base_url" in values:
        values["base_url"] = public_url(values["base_url"])  # keys are nobody's business who reads a run
    # Copies: the user's files may be others by the time that the run is gone on with.
    for field, name in COPIED_FILES.items():
        path: Path | None = getattr(settings, field)
        if path is not None:
            copy = run_directory / name
            with reported(path, f"--{field.replace('_', '-')}"):
                text = path.expanduser().read_text("utf-8-sig")
            write_atomically(copy, text)
            values[field] = str(copy.resolve())
    write_atomically(run_directory / SETTINGS_FILE, _as_json(values))


def read_settings(run_directory: Path, *, asked: int = 1, changes: Mapping[str, object] | None = None) -> SpawnSettings:
    """The settings of a run, with changes; a run of an earlier release has only what its record tells.

    Args:
        run_directory: The run's folder.
        asked: How many ideas were asked for, for a run of an earlier release: it had as many agents.
        changes: Fields of the settings; None for those that stay.

    Raises:
        EnvironmentFault: The file is damaged.
        UsageError: A value does not fit.
    """
    values = stored_settings(run_directory)
    for field, name in COPIED_FILES.items():
        if field in values:
            values[field] = run_directory / name  # the folder may have been moved
    given = {name: value for name, value in (changes or {}).items() if value is not None}
    given = {"count": asked, **values, "output": run_directory.parent, **given}
    settings = SpawnSettings.load(given)
    # What stands in the environment is for new runs.
    return settings.model_copy(update={"objective": given.get("objective", settings.objective)})


def stored_settings(run_directory: Path) -> dict[str, Any]:
    """What a run was asked for, as its file says; nothing for a run of an earlier release.

    Raises:
        EnvironmentFault: The file is damaged.
    """
    try:
        values = json.loads(read_within(run_directory, SETTINGS_FILE, MAX_SETTINGS_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        path = run_directory / SETTINGS_FILE
        raise EnvironmentFault(f"{str(path)!r} is damaged: delete it to go on with the usual settings.")
    return values


def write_outputs(outcome: RunOutcome) -> None:
    """Write the idea files, the report in both forms and `run.json`.

    `run.json` comes first: with it and the ledger everything else can be told again.

    Raises:
        EnvironmentFault: A file cannot be written.
    """
    directory = outcome.directory
    write_atomically(directory / RUN_FILE, _as_json(outcome.model_dump(mode="json", exclude={"directory"})))
    standings = Standings(outcome)
    if outcome.one_shot:
        with reported(directory):
            (directory / ONE_SHOT_IDEAS).mkdir(parents=True, exist_ok=True)

    def write(idea: IdeaOutcome) -> None:
        write_atomically(directory / idea_path(idea, outcome), render_idea(idea, standings))

    with ThreadPoolExecutor(_WRITERS) as writers:
        for _ in writers.map(write, [*outcome.ideas, *outcome.one_shot]):
            pass  # whatever failed is raised here
    history = history_of(directory)
    write_atomically(directory / SUMMARY_FILE, render_summary(outcome, history))
    write_atomically(directory / REPORT_FILE, render_report(outcome, history))


def history_of(directory: Path) -> History | None:
    """How a run went; None when its ledger is missing or damaged, which is no reason to have no report."""
    try:
        return load_history(directory)
    except EnvironmentFault:
        return None


def idea_path(idea: IdeaOutcome, outcome: RunOutcome) -> str:
    """Where the file of an idea stands in its run's folder."""
    folder, ideas = ("ideas", outcome.ideas) if idea.source == "agent" else (ONE_SHOT_IDEAS, outcome.one_shot)
    return f"{folder}/{idea_file_name(idea, len(ideas))}"


def write_atomically(path: Path, text: str, option: str = "--output") -> None:
    """Write a UTF-8 file that a reader sees whole or not at all.

    Args:
        path: The file.
        text: What is in it.
        option: What the user chooses another place with.

    Raises:
        EnvironmentFault: It cannot be written.
    """
    with writing_atomically(path, option) as file:
        file.write(encodable(text))


@contextmanager
def writing_atomically(path: Path, option: str = "--output") -> Iterator[TextIO]:
    """A UTF-8 file to write, which is there, whole, when the block is left without an error.

    Args:
        path: The file.
        option: What the user chooses another place with.

    Raises:
        EnvironmentFault: It cannot be written.
    """
    with writing_bytes_atomically(path, option) as file:
        text = io.TextIOWrapper(cast(IO[bytes], file), encoding="utf-8", newline="\n", write_through=True)
        yield text
        text.detach()


@contextmanager
def writing_bytes_atomically(path: Path, option: str = "--output") -> Iterator[BinaryIO]:
    """The same for bytes.

    Args:
        path: The file.
        option: What the user chooses another place with.

    Raises:
        EnvironmentFault: It cannot be written.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    with reported(path, option):
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def describe_os_error(path: Path, error: OSError, option: str = "--output") -> str:
    """What a failed file operation means for the user, in one line that says what to do."""
    where = repr(str(error.filename or path))
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"No space is left to write {where}: free some, or choose another place with {option}."
    if error.errno == errno.EROFS:
        return f"{where} lies on a read-only file system: choose another place with {option}."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"No permission to write {where}: choose another place with {option}."
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return f"{where} is not a folder: choose another with {option}."
    return f"Cannot write {where}: {error.strerror or error}."


@contextmanager
def reported(path: Path, option: str = "--output") -> Iterator[None]:
    """Tell of failed file operations as an `EnvironmentFault`.

    Args:
        path: What was to be written.
        option: What the user chooses another place with.
    """
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(describe_os_error(path, error, option)) from None


def _as_json(record: dict[str, Any]) -> str:
    # Not pydantic's own writer: it refuses unpaired surrogates, which an error's text may hold.
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
