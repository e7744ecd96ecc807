"""``doctor`` mends what it can, asks where somebody is there to ask, and says the command for what it cannot."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main
from creator.errors import EnvironmentFault
from creator.health import advice, models
from creator.models import embedded_model
from tests.unit.outcomes import RUN_ID, outcome
from tests.unit.test_cli import ROOT, store

COMMAND = [sys.executable, "-m", "creator", "doctor"]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """A machine without an engine, with a key, and with folders for temporary files and the cache of its own."""
    variables = {
        "DOCKER_HOST": "unix:///nowhere",
        "OPENAI_API_KEY": "sk-very-secret",
        "CREATOR_CACHE_DIR": str(tmp_path / "cache"),
        "CREATOR_SANDBOX": "process",
        "COLUMNS": "200",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {**document, "checks": {check["name"]: check for check in document["checks"]}}


def spoil() -> None:
    """A run whose report was lost, and a ``latest`` that names none."""
    store(outcome)
    (Path("generated") / RUN_ID / "report.html").unlink()
    (Path("generated") / "latest").unlink()
    (Path("generated") / "latest").symlink_to("20200101-000000-0000")


def test_without_a_terminal_it_only_tells_and_with_mend_it_mends(
    bare: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil()
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert f"{RUN_ID} lacks its report; generated/latest names a run that is gone" in out
    assert "To mend what can be mended: python -m creator doctor --mend" in out
    assert not (Path("generated") / RUN_ID / "report.html").exists()
    assert main(["doctor", "--mend"]) == 0
    out = capsys.readouterr().out
    assert "Looked at again:" in out and "Ready: python -m creator spawn 5" in out
    assert "Better dispatch desk" in (Path("generated") / "latest" / "report.html").read_text("utf-8")
    assert main(["doctor", "--json"]) == 0
    assert told(capsys)["checks"]["runs"]["state"] == "ok"


def test_json_tells_what_was_mended_and_asks_nothing(bare: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    spoil()
    assert main(["doctor", "--json"]) == 0
    before = told(capsys)
    assert before["mended"] == {} and before["checks"]["runs"]["mendable"]
    assert main(["doctor", "--mend", "--json"]) == 0
    after = told(capsys)
    assert after["mended"]["runs"] == "" and not after["checks"]["runs"]["mendable"]


@pytest.mark.parametrize(("answer", "mended"), [(b"\n", True), (b"n\n", False)])
def test_on_a_terminal_it_asks(bare: dict[str, str], answer: bytes, mended: bool, tmp_path: Path) -> None:
    spoil()
    (tmp_path / "tmp").mkdir()
    user, terminal = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp"), **bare}
    with subprocess.Popen(COMMAND, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        out = b""
        try:
            while part := os.read(user, 4096):
                out += part
                if out.rstrip().endswith(b"[Y/n]:"):
                    assert b"\nRemove what is left over" in out or b"Write them again? [Y/n]" in out
                    os.write(user, answer)
        except OSError:
            pass  # the other side has ended
    os.close(user)
    assert process.returncode == 0, out
    assert b"Write them again? [Y/n]" in out
    assert (b"Looked at again" in out) == mended
    assert (Path("generated") / RUN_ID / "report.html").exists() == mended


def test_what_cannot_be_mended_is_told_and_the_rest_is_mended(
    bare: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil()

    def fail(*_: object) -> None:
        raise EnvironmentFault("no network\x1b[2J")

    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setattr(models, "fetched_model", fail)
    assert main(["doctor", "--mend"]) == 1
    out = capsys.readouterr().out
    assert "not mended: no network" in out and "\x1b" not in out
    assert (Path("generated") / RUN_ID / "report.html").exists()


def test_a_damaged_model_is_fetched_again(
    bare: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / embedded_model.FILE_NAME).write_bytes(b"GGUF")

    async def fetched(folder: Path, say: Callable[[str], None]) -> Path:
        assert not embedded_model.is_cached(folder), "the damaged one is out of the way"
        say("fetching")
        (folder / embedded_model.FILE_NAME).write_bytes(b"whole")
        return folder

    monkeypatch.setattr(models, "fetched_model", fetched)
    monkeypatch.setenv("CREATOR_MODEL", "embedded")
    assert main(["doctor"]) == 2
    assert "damaged in the cache" in capsys.readouterr().out
    monkeypatch.setattr(embedded_model, "FILE_SHA256", hashlib.sha256(b"whole").hexdigest())
    assert main(["doctor", "--mend"]) == 0
    assert "fetching" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("programs", "kernel", "said"),
    [
        ({"apt-get"}, {}, "sudo apt-get install bubblewrap"),
        ({"pacman"}, {}, "sudo pacman -S bubblewrap"),
        (set(), {}, "install the package bubblewrap"),
        ({"bwrap"}, {"kernel/apparmor_restrict_unprivileged_userns": "1"}, "sudo apparmor_parser -r"),
        ({"bwrap"}, {"kernel/unprivileged_userns_clone": "0"}, "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        ({"bwrap"}, {"user/max_user_namespaces": "0"}, "sudo sysctl -w user.max_user_namespaces="),
        ({"bwrap"}, {}, "a container that forbids them"),
    ],
)
def test_what_only_a_person_may_do_is_told_as_a_command(
    programs: set[str], kernel: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(advice, "_KERNEL", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name in programs else None)
    for name, value in kernel.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n", encoding="ascii")
    assert said in advice.bubblewrap()


@pytest.mark.parametrize(
    ("cause", "programs", "said"),
    [
        (PermissionError(), set(), "sudo usermod -aG docker $USER"),
        (FileNotFoundError(), {"dockerd", "systemctl"}, "sudo systemctl start docker"),
        (ConnectionRefusedError(), {"dockerd"}, "sudo service docker start"),
        (FileNotFoundError(), {"apt-get"}, "sudo apt-get install docker.io"),
        (FileNotFoundError(), {"apk"}, "sudo apk add docker"),
    ],
)
def test_the_command_for_dockers_engine_fits_what_is_wrong(
    cause: OSError, programs: set[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name in programs else None)
    error = EnvironmentFault("no engine")
    error.__cause__ = cause
    assert said in advice.docker(error)
