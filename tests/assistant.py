"""Another assistant: the protocol's official client, with ``python -m creator mcp`` as its server."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from tests.conftest import REPOSITORY
from tests.scripted_server import ScriptedServer

SECONDS = 60


def arguments(output: Path, *options: str) -> list[str]:
    """The command line of the server, without the interpreter."""
    return ["-m", "creator", "mcp", "--output", str(output), *options]


def environment(server: ScriptedServer, **more: str) -> dict[str, str]:
    """What a person puts into the settings of a client, for a scripted model."""
    return {
        "PYTHONPATH": str(REPOSITORY),
        "CREATOR_MODEL": "openai:scripted",
        "CREATOR_BASE_URL": server.url,
        "CREATOR_SANDBOX": "process",
        **more,
    }


class Assistant:
    """A client in a thread of its own, which calls of any thread reach."""

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop
        self.progress: list[str] = []
        """What the server told while something was under way."""

    def do(self, work: Callable[[Client], Awaitable[Any]]) -> Any:
        """Whatever the client can do."""

        async def done() -> Any:
            return await work(self._client)

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(SECONDS)

    def calls(self, *wanted: tuple[str, dict[str, Any]]) -> list[Any]:
        """The results of tools that are called at the same time."""

        async def note(progress: float, total: float | None, message: str | None) -> None:
            self.progress.append(message or "")

        async def together(client: Client) -> list[Any]:
            return await asyncio.gather(
                *(client.call_tool(name, given, progress_callback=note) for name, given in wanted)
            )

        return list(self.do(together))

    def call(self, name: str, /, **given: Any) -> Any:
        """The structured answer of a tool that succeeds."""
        (result,) = self.calls((name, given))
        assert not result.is_error, result.content
        return result.structured_content

    def refusal(self, name: str, /, **given: Any) -> str:
        """The line that a tool refuses something with."""
        (result,) = self.calls((name, given))
        assert result.is_error
        text = result.content[0].text
        assert "\n" not in text
        return str(text)


@contextmanager
def assistant(folder: Path, env: dict[str, str], output: Path, *options: str) -> Iterator[Assistant]:
    """A client with its server.

    Args:
        folder: Where the server works.
        env: What is set there.
        output: The folder of all runs.
        options: Of the server.
    """
    ready: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def serve() -> None:
        params = StdioServerParameters(
            command=sys.executable,
            args=arguments(output, *options),
            env={**env, "PATH": os.environ["PATH"]},
            cwd=folder,
        )
        leave = asyncio.Event()
        async with Client(params, read_timeout_seconds=SECONDS) as client:
            loop = asyncio.get_running_loop()
            ready.put((Assistant(client, loop), lambda: loop.call_soon_threadsafe(leave.set)))
            await leave.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
            ready.put(None)
        except BaseException as error:
            ready.put(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    begun = ready.get(timeout=SECONDS)
    if isinstance(begun, BaseException):
        raise begun
    one, leave = begun
    try:
        yield one
    finally:
        leave()
        ended = ready.get(timeout=SECONDS)
        thread.join(SECONDS)
    if ended is not None:
        raise ended
