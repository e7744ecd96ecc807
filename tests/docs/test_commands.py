"""Every command that the pages show is typed, page by page, in the order in which a reader meets them.

A scripted server stands in for models, and a plain process for the sandbox. What a reader would replace (NAME, RUN,
FILE) is replaced by what fits. Populations are smaller than on the page, so that it is quick.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest

from creator.cli import cli, main
from creator.ledger.view import run_names
from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES, blocks, name_of
from tests.docs.stage import AGENTS, OUTPUT, Stage, latest
from tests.scripted_server import ScriptedServer, scripted_server

pytestmark = pytest.mark.timeout(400)

PLACE_OF_A_SERVER = "http://localhost:8000/v1"
"""Where pages say that a server of the reader's is; the scripted one stands there."""
REPLACED = {"embedded": "openai:scripted"}
"""Models: the embedded one has tests of its own, and takes minutes."""

NOT_RUN = {
    r"python -m benchmarks\.": "takes minutes, and this program is no part of it",
    r"python -m tests\.docs\.reference": "writes into the repository: test_pages.py compares what it would write",
    r"pip install|uv pip|python -m venv|\. \.venv/": "installing is what the build does",
    r"(uv run )?pytest|\.ci/run": "this is what runs the tests",
    r".* --isolation container|.* --runtime runsc": "needs Docker, and gVisor: tests/docker runs what it can",
    r"export OTEL_": "it would hold for all that is typed here: tests/integration/test_telemetry.py sets it",
    r".* --model model\.gguf": "needs a model file: tests/integration/test_embedded.py has one",
}
"""By pattern: why a command is not typed. Those of this program are parsed at least."""
SHELL = ("mkdir", "cp", "sqlite3")
"""Programs of the system that pages use beside this one."""
ENDINGS = {r"spawn .*--review=later": {1}, r"agents approve": {0, 3}}
"""By pattern: the exit codes that a reader gets, where 0 is not the one."""
LASTING = ("serve", "mcp")
"""Commands that go on until they are stopped, or until their standard input ends."""
STANDARD_INPUT = {"spawn": "a\n" * 20, "agents chat": "Who are you?\n\n"}
ADDED = {"runs rm": ["--yes"]}
"""What has to be added where nobody sits at a terminal."""

PRICES = {
    f"{provider}:{name}": {"prompt": 0.01, "completion": 0.01}
    for provider, names in {
        "openai": ("scripted", "gpt-4.1", "gpt-4.1-mini", "text-embedding-3-small"),
        "anthropic": ("claude-haiku-4-5",),
    }.items()
    for name in names
}


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture(scope="module")
def variables(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What stands in the environment of every command."""
    prices = tmp_path_factory.mktemp("prices") / "known.json"
    prices.write_text(json.dumps(PRICES), encoding="utf-8")
    return {
        "CREATOR_BASE_URL": server.url,
        "CREATOR_MODEL": "openai:scripted",
        "CREATOR_SANDBOX": "process",
        "CREATOR_UNSAFE": "1",
        "CREATOR_PRICES": str(prices),
        "CREATOR_REPLY_DEADLINE": "30",
        "DOCKER_HOST": "unix:///nowhere",
    }


@pytest.fixture(scope="module")
def stage(server: ScriptedServer, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"), server, variables)


@pytest.fixture(scope="module")
def typed() -> set[str]:
    """What was typed on an earlier page, and need not be again."""
    return set()


class Reader:
    """Types the commands of one page in a folder of its own."""

    def __init__(self, stage: Stage, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self._stage = stage
        self._server = server
        self._monkeypatch = monkeypatch

    def type(self, command: str) -> int:
        """Give the exit code of a command."""
        if command.startswith("export "):
            name, _, _ = command.removeprefix("export ").partition("=")
            self._monkeypatch.setenv(name, "a-key-for-tests")
            return 0
        if command.startswith(SHELL):
            self._arrange(command)
            return subprocess.run(command, shell=True, check=False, stdout=subprocess.DEVNULL).returncode
        words = shlex.split(command.removeprefix("python -m ").removeprefix("creator"))
        noun = " ".join(words[:2])
        if noun.startswith(LASTING) and "--print-config" not in words:
            return started_and_stopped(words)
        with ExitStack() as behind:
            if noun in {"agents add", "agents regenerate"}:
                behind.enter_context(self._stage.going())
            self._arrange(noun)
            arguments = self._fitting(words)
            own_server = "--base-url" in arguments or any(word.endswith(".yaml") for word in arguments)
            patch = behind.enter_context(self._monkeypatch.context())
            if own_server:
                patch.delenv("CREATOR_BASE_URL")
            typed = next((text for name, text in STANDARD_INPUT.items() if noun.startswith(name)), "")
            Path("typed").write_text(typed, encoding="utf-8")
            patch.setattr(sys, "stdin", behind.enter_context(Path("typed").open(encoding="utf-8")))
            return main(arguments)

    def _arrange(self, noun: str) -> None:
        """See to it that there is a run of the kind that a command is about."""
        if noun == "runs resume":
            self._stage.put("stopped")
        elif noun.startswith(("ideas", "agents", "runs", "policy", "sqlite3")) and latest() is None:
            self._stage.put("finished")
        if noun in {"agents approve", "agents reject"} and not latest_pending():
            self._stage.put("pending")
        if noun == "runs compare" and len(run_names(OUTPUT)) < 2:
            self._stage.put("stopped")

    def _fitting(self, words: list[str]) -> list[str]:
        """The words of a command with what a reader would put in for those in capitals."""
        if words[:1] == ["spawn"]:
            words = [str(AGENTS) if word.isdigit() and before == "spawn" else word for before, word in pairs(words)]
            words = ["1" if before == "--keep" else word for before, word in pairs(words)]
        run = latest()
        names = run_names(OUTPUT)
        values = {PLACE_OF_A_SERVER: self._server.url, **REPLACED}
        if names and run is not None:
            values |= {"RUN": run.directory.name, "A": names[0], "B": names[-1]}
            known = [agent.name for agent in run.pending] or [one.name for one in run.agents if one.state == "live"]
            values |= {"NAME": known[0], "OTHER": known[-1]} if known else {}
        if "FILE" in words:
            values["FILE"] = "stranger.py"
            source = (REPOSITORY / "tests" / "unit" / "adopting" / "agent1.py.txt").read_text("utf-8")
            Path("stranger.py").write_text(source, encoding="utf-8")
        return [values.get(word, word) for word in words] + ADDED.get(" ".join(words[:2]), [])


def latest_pending() -> bool:
    """Whether somebody waits for a decision."""
    run = latest()
    return run is not None and bool(run.pending)


def started_and_stopped(words: list[str]) -> int:
    """The exit code of a command that is stopped as soon as it says something, or ends with its standard input."""
    command = [sys.executable, "-m", "creator", *words]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        if process.stdout.readline():
            process.send_signal(signal.SIGINT)
        return process.wait(60)


def pairs(words: list[str]) -> list[tuple[str, str]]:
    """Each word with the one before it."""
    return list(zip(["", *words], words, strict=False))


def why_not(command: str) -> str:
    """Why a command is not typed; empty when it is."""
    return next((reason for pattern, reason in NOT_RUN.items() if re.match(pattern, command)), "")


def parse(command: str) -> None:
    """Have the program resolve a command and its options, and run nothing of it."""
    words = shlex.split(command.removeprefix("python -m creator "))
    current: click.Command = cli
    parent: click.Context | None = None
    while isinstance(current, click.Group):
        parent = click.Context(current, parent=parent, info_name="creator")
        _, found, words = current.resolve_command(parent, words)
        assert found is not None
        current = found
    current.make_context(current.name, words, parent=parent)


COMMANDS = {path: [command for block in blocks(path) for command in block.commands] for path in PAGES}


@pytest.mark.parametrize("path", [path for path, found in COMMANDS.items() if found], ids=name_of)
def test_the_commands_of_a_page_work(
    path: Path,
    stage: Stage,
    typed: set[str],
    server: ScriptedServer,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in {**variables, "CREATOR_LIBRARY": str(tmp_path / "library")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CREATOR_CACHE_DIR", os.environ.get("CREATOR_CACHE_DIR", str(tmp_path / "cache")))
    (tmp_path / "templates").symlink_to(REPOSITORY / "templates")
    for block in blocks(path):
        if block.file and not block.file.startswith("generated/"):
            Path(block.file).parent.mkdir(exist_ok=True)
            Path(block.file).write_text(block.text.replace(PLACE_OF_A_SERVER, server.url), encoding="utf-8")
    reader = Reader(stage, server, monkeypatch)
    for command in COMMANDS[path]:
        if (known := re.sub(r"spawn \d+", "spawn N", command)) in typed:
            continue
        if why_not(command):
            if "python -m creator" in command:
                parse(command)
            continue
        assert command.startswith(("python -m creator", "creator ", "export ", *SHELL)), f"what is {command!r}?"
        code = reader.type(command)
        expected = next((codes for pattern, codes in ENDINGS.items() if re.search(pattern, command)), {0})
        told = capfd.readouterr()
        if not command.startswith(("export", *SHELL)):
            typed.add(known)
        assert code in expected, f"{command}\n{told.out[-1500:]}\n{told.err[-1500:]}"


def test_what_is_not_typed_is_still_on_a_page() -> None:
    shown = [command for found in COMMANDS.values() for command in found]
    assert len(shown) > 100
    for pattern in NOT_RUN:
        assert any(re.match(pattern, command) for command in shown), pattern
