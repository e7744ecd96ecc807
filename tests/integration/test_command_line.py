"""``python -m creator spawn`` as a user runs it: a process of its own, its signals, its folder and its locale."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.protocol import Idea
from tests.conftest import REPOSITORY
from tests.processes import descendants, living
from tests.screens import Screen, on_a_terminal
from tests.scripted_server import ScriptedServer

ESCAPE = "\x1b"


def command(server: ScriptedServer, count: int, *options: str, sandbox: str = "process") -> list[str]:
    """A spawn on a scripted model."""
    model = ["--model", "openai:scripted", "--base-url", server.url]
    return [sys.executable, "-m", "creator", "spawn", str(count), *model, "--sandbox", sandbox, *options]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "default", **more}


def spawned(
    server: ScriptedServer, count: int, *options: str, env: Mapping[str, str] | None = None, **more: Any
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(server, count, *options), capture_output=True, env=environment(**(env or {})), timeout=90, **more
    )


def test_one_json_document_and_nothing_else_on_stdout(serve: Any) -> None:
    result = spawned(serve(), 3, "--json")
    assert result.returncode == 0, result.stderr
    outcome = json.loads(result.stdout)
    assert len(outcome["ideas"]) == 3
    assert outcome["exit_code"] == 0


def test_quiet_says_nothing_when_all_is_well(serve: Any) -> None:
    result = spawned(serve(), 2, "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_piped_output_has_no_control_codes_and_fits_80_columns(serve: Any) -> None:
    result = spawned(serve(), 3, env={"COLUMNS": "80"})
    assert result.returncode == 0, result.stderr
    text = result.stdout.decode() + result.stderr.decode()
    assert ESCAPE not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    assert max(len(line) for line in result.stdout.decode().splitlines()) <= 80


def test_any_locale_will_do(serve: Any) -> None:
    texts = iter(range(10_000))

    def exotic(number: int, request: dict[str, Any]) -> str | None:
        if "first_step" not in json.dumps(request.get("response_format", {})):
            return None
        return json.dumps({part: f"Žluťoučký 🦊 „{part}“ {next(texts)}" for part in Idea.model_fields})

    for locale in ("C", "POSIX", "C.UTF-8"):
        result = spawned(serve(fault=exotic), 2, env={"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
        assert result.returncode == 0, result.stderr
    latest = Path("generated/latest").resolve()
    assert "Žluťoučký 🦊" in next((latest / "ideas").glob("01-*.md")).read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", ["starting", "spawning", "live 4/4", "idea 1/4"])
def test_a_signal_ends_everything_and_keeps_what_there_is(
    serve: Any, scratch: Path, number: signal.Signals, after: str
) -> None:
    def slow(number: int, request: dict[str, Any]) -> str | None:
        return "hang" if number > {"starting": 0, "spawning": 1, "live 4/4": 5, "idea 1/4": 6}[after] else None

    server = serve(fault=slow)
    with subprocess.Popen(
        command(server, 4, "--bounce", "0"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(TMPDIR=str(scratch)),
    ) as process:
        assert process.stderr is not None
        seen = b""
        while after.encode() not in seen:
            line = process.stderr.readline()
            assert line, seen
            seen += line
        started = descendants(process.pid)
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(30) == 130, seen + rest
    assert b"interrupted" in rest
    assert b"Traceback" not in seen + rest
    assert not living(started)
    if after == "idea 1/4":
        assert len(list(Path("generated/latest/ideas").glob("*.md"))) == 1


def test_a_killed_creator_leaves_no_process(serve: Any, scratch: Path) -> None:
    server = serve(fault=lambda number, request: "hang" if number > 5 else None)
    with subprocess.Popen(
        command(server, 4), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(TMPDIR=str(scratch))
    ) as process:
        assert process.stderr is not None
        while b"live" not in (line := process.stderr.readline()):
            assert line
        started = descendants(process.pid)
        assert len(started) >= 3, "a supervisor, a zygote, a cell"
        process.kill()
    for _ in range(100):
        if not living(started):
            break
        time.sleep(0.1)
    assert not living(started)
    # What only a dying process could have removed is all that a kill leaves: the folders of its socket and its cells.
    for leftover in scratch.iterdir():
        shutil.rmtree(leftover)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--model", "openai:x"], "OPENAI_API_KEY"),
        (["--model", "nonsense"], "unknown model"),
        (["--model", "gemini:x"], "unknown provider"),
        (["--model", "missing.gguf"], "no model file"),
        (["--model", "missing.yaml"], "cannot read"),
        (["--model", "openai:x", "--base-url", "http://127.0.0.1:9/v1"], "does not answer"),
        (["--bounce", "2"], "--bounce"),
        (["--sandbox", "vm"], "--sandbox"),
        (["--deadline", "-1"], "--deadline"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(options: list[str], text: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "creator", "spawn", "2", "--sandbox", "process", *options],
        capture_output=True,
        env=environment(),
        timeout=60,
    )
    assert result.returncode == 2
    lines = [line for line in result.stderr.decode().splitlines() if line.startswith("creator:")]
    assert len(lines) == 1
    assert text in lines[0]
    assert b"Traceback" not in result.stderr
    assert not list(Path("generated").glob("2*"))


def mounted(server: ScriptedServer, options: str, tmp_path: Path) -> subprocess.CompletedProcess[bytes]:
    """A spawn whose output folder is a file system of its own, in a mount namespace of its own."""
    if shutil.which("unshare") is None:
        pytest.fail("unshare is missing: install util-linux")
    folder = tmp_path / "disk"
    folder.mkdir(exist_ok=True)
    line = " ".join([*command(server, 3), "--output", str(folder)])
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", f"mount -t tmpfs -o {options} none {folder} && {line}"],
        capture_output=True,
        env=environment(),
        timeout=90,
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [("ro", "ead-only"), ("size=64k", "o space left|disk"), ("size=200k", "o space left|disk|full")],
)
def test_a_folder_that_cannot_be_written_is_one_clear_line(serve: Any, tmp_path: Path, options: str, text: str) -> None:
    result = mounted(serve(), options, tmp_path)
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 2, lines
    assert "Traceback" not in result.stderr.decode()
    assert re.search(text, lines[-1]), lines


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, creator.cli as c; c.main(['--help'])\n"
        "heavy = {'autogen_core', 'grpc', 'openai', 'rich', 'pydantic', 'docker', 'jinja2'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), timeout=60)
    assert result.returncode == 0, result.stderr


def test_reading_what_a_run_made(serve: Any) -> None:
    assert spawned(serve(), 2, "--quiet").returncode == 0

    def read(*arguments: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "creator", *arguments], capture_output=True, env=environment(), timeout=60
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.decode()

    agents = json.loads(read("agents", "--json"))
    assert "class Agent(RoutedAgent)" in read("agents", "show", json.dumps(agents).split('"name": "')[1].split('"')[0])
    assert "A scripted title" in read("ideas")
    assert "Problem" in read("ideas", "show", "1")
    assert "2/2" in read("runs")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_a_run_on_a_terminal_is_told_in_words_and_ends_with_a_page(serve: Any, columns: int, rows: int) -> None:
    server = serve(latency=0.3)
    given = {name: os.environ[name] for name in ("PATH", "TMPDIR", "HOME") if name in os.environ}
    environ = {**given, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    screen, seen = Screen(columns, rows), ""
    line = [*command(server, 6, "--bounce", "1", "--pattern", "critique"), "--max-tokens", "1000000"]
    with on_a_terminal(line, columns, rows, environ) as read:
        while text := read():
            screen.write(text)
            seen += "\n".join(["", *screen.shown])
    assert screen.unknown == []
    assert screen.cursor, "the cursor is back"
    assert "Traceback" not in seen
    for headline in ("Writing agents: ", "Conversations: agents think up ideas", "Judging: a model compares"):
        assert headline in seen
    assert re.search(r"agents +━+[╸╺━ ]+\d of 6 live · \d written", seen)
    assert re.search(r"ideas +[╸╺━ ]+\d of 6 · \d talking now · \d refined", seen)
    assert re.search(r"judging +[╸╺━ ]+\d+ of \d+ comparisons", seen)
    assert re.search(r"[a-z0-9_]+ → [a-z0-9_]+: asked for the weakest point", seen)
    assert re.search(r"spent +[\d,]+ of 1,000,000 tokens", seen)
    assert ("What agents do" in seen) == (columns == 200)
    page = "\n".join(screen.shown)
    assert "Conversations: " not in page, "the counters are gone"
    assert "6 of 6 ideas, 6 agents live" in page
    assert "Rank" in page, "the first line of the page can still be seen"
    assert re.search(r"^Watch +python -m creator serve", page, re.MULTILINE)


def test_a_terminal_that_can_do_nothing_gets_lines(serve: Any) -> None:
    environ = {**environment(), "TERM": "dumb", "COLUMNS": "80"}
    with on_a_terminal(command(serve(), 2, "--no-tournament"), 80, 24, environ) as read:
        told = "".join(iter(read, ""))
    assert ESCAPE not in told
    assert re.search(r"\] live 2/2: [a-z0-9_]+\r\n", told)
    assert re.search(r"\] writing the report\r\n", told)
