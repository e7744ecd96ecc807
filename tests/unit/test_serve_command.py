"""What ``serve`` says when it cannot begin, and by which names it knows itself."""

from __future__ import annotations

import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from creator.cli import main
from creator.cli._page import Page
from creator.web.listening import listen
from tests.conftest import REPOSITORY, RecordedProgress


def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def complaint(*arguments: str) -> str:
        assert main(["serve", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1
        return err

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} is taken: choose another with --port, or --port 0" in complaint("--port", port)
    assert "'203.0.113.7' is no address of this machine" in complaint("--host", "203.0.113.7")
    assert "is no name or address of this machine" in complaint("--host", "no such name\n")
    assert "'x' is not a valid integer" in complaint("--port", "x")
    assert "File 777 is no socket" in complaint("--inherited", "777")
    monkeypatch.setenv("CREATOR_SERVE_TOKEN", "short")
    assert "CREATOR_SERVE_TOKEN has to be at least 16" in complaint("--port", "0")


def test_after_its_run_a_page_stays_until_ctrl_c_where_somebody_can_press_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    with Page(tmp_path, RecordedProgress(), wait=False) as page:
        page.stay()
    assert capsys.readouterr().err == ""

    progress = RecordedProgress()
    with Page(tmp_path, progress, wait=True) as page:
        page.tell(tmp_path / "20261121-064512-3f2a")
        (said,) = progress.lines
        address = said.removeprefix("watch it: ").removesuffix("runs/20261121-064512-3f2a")

        def press() -> None:
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert answer.status == 200
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=press).start()
        page.stay()
    assert capsys.readouterr().err == f"The page stays at {address} until you press Ctrl-C.\n"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=60)


@pytest.mark.parametrize(
    ("host", "loopback", "names", "url"),
    [
        ("127.0.0.1", True, {"127.0.0.1", "localhost"}, "http://127.0.0.1:"),
        ("localhost", True, {"localhost"}, "http://localhost:"),
        ("0.0.0.0", False, {"localhost", socket.gethostname().lower()}, "http://"),
    ],
)
def test_an_address_is_told_as_others_reach_it(host: str, loopback: bool, names: set[str], url: str) -> None:
    listening = listen(host, 0)
    assert listening.loopback == loopback
    assert names <= listening.names
    assert listening.url.startswith(url) and listening.url.endswith(f":{listening.port}/")
    assert "0.0.0.0" not in listening.url
    listening.socket.close()
