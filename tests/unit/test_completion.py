"""What a shell offers when Tab is pressed, asked as the shell asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from creator.cli import _completing
from creator.outputs import RUN_ID
from sandbox.protocol import AGENT_NAME
from tests.conftest import REPOSITORY

EARLIER, LATEST = "20261120-000000-0001", "20261121-064512-3f2a"
HOSTILE = ["$(touch owned)", "`touch owned`", "a;touch owned", "a\ntouch owned", "-rf", "a b", "*", "Ada", "x" * 65]


@pytest.fixture(autouse=True)
def runs() -> None:
    """Two runs, with files in them that a hostile program put there."""
    for run, agents in ((EARLIER, ["bo_clinics"]), (LATEST, ["ada_freight", "ada_grants", "cy_labs"])):
        folder = Path("generated") / run
        (folder / "agents").mkdir(parents=True)
        (folder / "ideas").mkdir()
        for name in [*agents, *HOSTILE]:
            (folder / "agents" / f"{name}.py").touch()
            (folder / "ideas" / f"{name}.md").touch()
        for number in (1, 2, 10):
            (folder / "ideas" / f"{number:02}-a-title.md").touch()
    for name in HOSTILE:
        (Path("generated") / name).mkdir()
    (Path("generated") / "latest").symlink_to(LATEST)


def environment(tmp_path: Path) -> dict[str, str]:
    """With a program ``creator``, as an installation puts one on the path."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "creator"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m creator "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path)}


def offered(line: str, **environ: str) -> list[str]:
    """What is offered at the end of a line, by the protocol that all shells share."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "creator"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "_CREATOR_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            **environ,
        },
    )
    assert done.stderr == ""
    return [answer.partition(",")[2] for answer in done.stdout.splitlines() if answer]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("creator sp", ["spawn"]),
        ("creator runs show ", [LATEST, EARLIER, "latest"]),
        ("creator agents 20261120", [EARLIER]),
        ("creator runs sh", ["show"]),
        ("creator agents show ad", ["ada_freight", "ada_grants"]),
        (f"creator agents ask --run {EARLIER} ", ["bo_clinics"]),
        ("creator agents ask --run 20261120 ", ["bo_clinics"]),
        ("creator agents ask --run nothing ", []),
        ("creator agents approve ada_freight cy", ["cy_labs"]),
        ("creator ideas show ", ["1", "2", "10"]),
        ("creator spawn 5 --model ", ["embedded", "openai:", "anthropic:", "ollama:"]),
        ("creator spawn 5 --sandbox d", ["docker"]),
        ("creator spawn 5 --review l", ["later"]),
        ("creator spawn 5 --template idea", ["idea_agent"]),
        ("creator completion ", ["bash", "zsh", "fish"]),
        ("creator agents export ada_freight --as ", ["component", "module"]),
    ],
)
def test_names_of_what_there_is_are_offered(line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_another_folder_of_runs_is_looked_into(tmp_path: Path) -> None:
    Path("generated").rename("elsewhere")
    assert offered("creator agents show ") == []
    assert offered("creator agents show --output elsewhere cy") == ["cy_labs"]
    assert offered("creator agents show cy", CREATOR_OUTPUT="elsewhere") == ["cy_labs"]
    Path("creator.toml").write_text('output = "elsewhere"\n')
    assert offered("creator agents show cy") == ["cy_labs"]
    Path("creator.toml").write_text("not = toml = at all")
    assert offered("creator agents show cy") == []


def test_kept_agents_are_offered(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    for name in ("dora_ports", *HOSTILE):
        (tmp_path / "kept" / f"{name}.py").touch()
    assert offered(f"creator agents forget --library {tmp_path}/kept ") == ["dora_ports"]
    assert offered("creator spawn 3 --with d", CREATOR_LIBRARY=str(tmp_path / "kept")) == ["dora_ports"]


def test_a_real_bash_completes_and_runs_nothing_that_a_file_is_named(tmp_path: Path) -> None:
    script = """
        eval "$(creator completion bash)"
        complete -p creator
        press() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            _creator_completion creator "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s|' "${COMPREPLY[@]}"; echo
        }
        press creator comp
        press creator agents show ""
        press creator agents show --run 20261120 ""
        press creator runs resume 2026
    """
    done = subprocess.run(
        ["bash", "--norc", "-euc", script], capture_output=True, encoding="utf-8", env=environment(tmp_path)
    )
    assert (done.returncode, done.stderr) == (0, "")
    registered, *pressed = done.stdout.splitlines()
    assert registered.endswith("-F _creator_completion creator")
    assert pressed == [
        "completion|",
        "ada_freight|ada_grants|cy_labs|",
        "bo_clinics|",
        f"{LATEST}|{EARLIER}|",
    ]
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize(
    ("shell", "sign"), [("bash", "complete -o nosort"), ("zsh", "compdef"), ("fish", "complete --")]
)
def test_each_shell_gets_its_script(shell: str, sign: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "creator", "completion", shell],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=environment(tmp_path),
    )
    assert sign in done.stdout
    assert f"_CREATOR_COMPLETE={shell}_complete" in done.stdout
    assert ("compopt -o nospace" in done.stdout) == (shell == "bash"), "nothing is put after openai: there"
    if (program := shutil.which(shell)) is not None:
        checked = subprocess.run([program, "-n"], input=done.stdout, capture_output=True, encoding="utf-8")
        assert (checked.returncode, checked.stderr) == (0, "")


def test_nothing_heavy_is_imported_to_complete() -> None:
    code = "import sys\nfrom creator.cli import main\ntry:\n    main([])\nexcept SystemExit:\n    print(*sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "_CREATOR_COMPLETE": "bash_complete",
            "COMP_WORDS": "creator agents show ",
            "COMP_CWORD": "3",
        },
    )
    assert "plain,ada_freight" in done.stdout
    heavy = {"autogen_core", "grpc", "openai", "rich", "pydantic", "docker", "jinja2", "sqlite3"}
    assert heavy.isdisjoint(done.stdout.split())


def test_the_forms_of_names_are_those_of_the_product() -> None:
    assert _completing.RUN_ID == RUN_ID
    assert _completing.AGENT_NAME == AGENT_NAME
