"""``serve``, and ``spawn --serve``, as programs: their address, their end, and what they say when they cannot begin."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from creator.ledger.feed import Cursor
from tests.conftest import REPOSITORY
from tests.living import LivingRun

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "creator", *arguments],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def test_it_prints_its_address_and_ends_by_ctrl_c_while_browsers_listen(start: Start, tmp_path: Path) -> None:
    living = LivingRun(tmp_path / "generated")
    process = start("serve", "--port", "0")
    address = first_line(process)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    assert living.name in read(address)
    streams = []
    for _ in range(3):
        stream = urllib.request.urlopen(f"{address}runs/{living.name}/feed?after={Cursor()}", timeout=30)
        assert b"event: step" in stream.readline() + stream.readline()
        streams.append(stream)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert err == "Runs of 'generated' are shown there. Stop with Ctrl-C.\n"
    for stream in streams:
        stream.close()


def test_elsewhere_it_asks_for_a_token_that_no_command_line_shows(start: Start) -> None:
    process = start("serve", "--port", "0", "--host", "0.0.0.0")
    address = first_line(process)
    port, token = re.findall(r"http://[^/]+:(\d+)/\?token=([\w-]{32})", address)[0]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        read(f"http://127.0.0.1:{port}/")
    assert token.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    own = start("serve", "--port", "0", CREATOR_SERVE_TOKEN="sixteen or more of them")
    assert first_line(own).endswith("/?token=sixteen+or+more+of+them")
    own.send_signal(signal.SIGTERM)
    assert own.wait(20) == -signal.SIGTERM


@pytest.mark.parametrize("killed", [False, True])
def test_a_run_brings_its_own_page_which_ends_with_it(
    start: Start, serve: Callable[..., Any], tmp_path: Path, killed: bool
) -> None:
    model = serve(latency=0.3)
    process = start(
        *("spawn", "2", "--serve", "--sandbox", "process", "--model", "openai:scripted", "--no-tournament"),
        *("--base-url", model.url),
        OPENAI_API_KEY="none",
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "watch it: " in line:
            break
    address = said[-1].split()[-1]
    assert re.search(r"/runs/\d{8}-\d{6}-[0-9a-f]{4}$", address)
    while "looks again every second" in (page := read(address)):  # the sandbox is being made ready
        pass
    assert "data-feed" in page and "Going on" in page, page
    with urllib.request.urlopen(f"{address}/feed?after={Cursor()}", timeout=60) as stream:
        followed = ""
        while killed and "event: step" not in followed:
            followed += stream.readline().decode()
        if killed:
            process.kill()
        try:
            followed += stream.read().decode()
        except http.client.IncompleteRead as rest:
            assert killed, "only a page whose run was killed ends in the middle"
            followed += rest.partial.decode()
    assert "event: step" in followed
    process.communicate(timeout=60)
    if not killed:
        assert process.returncode == 0
        assert "event: ended" in followed
    port = int(address.split(":")[2].split("/")[0])
    while True:  # until it has gone; the test has a limit of its own
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            break
    settings = next((tmp_path / "generated").glob("2*/settings.json")).read_text(encoding="utf-8")
    assert '"serve"' not in settings
