"""What the command line says alone: it depends on what is there, and fits a small terminal."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from creator.cli import main
from creator.outputs import RUN_FILE
from tests.unit.outcomes import RUN_ID, outcome
from tests.unit.test_cli import ROOT, store


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")


def page(capsys: pytest.CaptureFixture[str]) -> str:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 24
    assert max(map(len, out.splitlines())) <= 80
    return out


def test_where_nothing_is_it_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    out = page(capsys)
    assert "creator spawn 5 " in out and "creator init " in out
    assert "creator ideas" not in out
    assert "The next run's model: the embedded one" in out
    assert "Its sandbox: the strongest that works here" in out


def test_where_runs_are_it_says_how_to_read_the_latest(capsys: pytest.CaptureFixture[str]) -> None:
    store(outcome, "20261120-000000-0001")
    store(outcome)
    out = page(capsys)
    assert f"2 runs in generated, the latest: {RUN_ID}" in out
    assert "creator ideas " in out and "creator agents ask NAME" in out
    (Path("generated") / RUN_ID / "report.html").unlink()
    assert "creator runs resume " in page(capsys)


def test_it_names_what_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    out = page(capsys)
    assert "model: anthropic:claude-haiku-4-5, as ANTHROPIC_API_KEY is set" in out
    assert "sk-very-secret" not in out
    Path(".env").write_text("CREATOR_MODEL=ollama:small\nCREATOR_OUTPUT=elsewhere\n", encoding="utf-8")
    Path("creator.toml").write_text('sandbox = "bubblewrap"\nmodel = "other"\n', encoding="utf-8")
    (Path("elsewhere") / RUN_ID).mkdir(parents=True)
    (Path("elsewhere") / RUN_ID / RUN_FILE).touch()
    out = page(capsys)
    assert "model: ollama:small" in out and "sandbox: bubblewrap" in out
    assert f"1 run in elsewhere, the latest: {RUN_ID}" in out
    assert "creator init" not in out
    with socket.socket(socket.AF_UNIX) as engine:
        Path("creator.toml").unlink()
        engine.bind("engine.sock")
        engine.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
        assert "sandbox: docker\n" in page(capsys)


@pytest.mark.parametrize("content", [b"\xff", b"=", b'model = "\\u001b[2J' + b"x" * 300 + b'"\noutput = 3'])
def test_a_bad_file_does_not_keep_it_from_helping(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path("creator.toml").write_bytes(content)
    Path(".env").write_bytes(content)
    assert "\x1b" not in page(capsys)


def test_it_imports_nothing_that_takes_time() -> None:
    store(outcome)
    code = "import sys\nfrom creator.cli import main\nassert main([]) == 0\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
    heavy = {"autogen_core", "grpc", "rich", "pydantic", "docker", "sqlite3", "asyncio", "dotenv", "tomllib"}
    assert heavy.isdisjoint(done.stderr.split())
