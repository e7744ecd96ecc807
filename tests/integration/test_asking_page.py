"""A server whose agents are asked something: it answers others meanwhile, and leaves nothing behind when it ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import REPOSITORY
from tests.processes import descendants, living


def test_a_server_that_ends_while_an_agent_thinks_leaves_nothing(run: Any, serve: Any, scratch: Path) -> None:
    model = serve()
    outcome = asyncio.run(run(1, server=model, bounce=0.0))
    # The check of the model is answered, the question is not.
    model.fault = lambda number, request: "hang" if "Why so?" in str(request["messages"]) else None
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OPENAI_API_KEY": "none", "TMPDIR": str(scratch)}
    command = [sys.executable, "-m", "creator", "serve", "--port", "0", "--output", str(outcome.directory.parent)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip().rstrip("/")
        page = f"/runs/{outcome.directory.name}/agents/{outcome.live[0].name}/ask"
        with httpx.Client(base_url=address, headers={"origin": address}, timeout=60) as visitor:
            (token,) = set(re.findall(r'name="csrf" value="(\w+)"', visitor.get(page).text))
            assert visitor.post(page, data={"csrf": token, "question": "Why so?"}).status_code == 303
            until = time.monotonic() + 60
            while not any("Why so?" in str(request["messages"]) for request in model.requests):
                assert time.monotonic() < until, visitor.get(page).text
                assert visitor.get("/").status_code == 200, "others are served while it comes to life"
            assert "thinks" in visitor.get(page).text
            started = descendants(server.pid)
            assert started, "the agent lives in processes of its own"
            server.send_signal(signal.SIGINT)
            server.wait(60)
        until = time.monotonic() + 20
        while living(started):
            assert time.monotonic() < until, "a process was left behind"
