"""The embedded model, and any GGUF file of the user's, served by llama.cpp on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import platformdirs
from autogen_core.models import LLMMessage

from creator.errors import EnvironmentFault, UsageError
from creator.models.backend import Backend, Completion
from creator.models.client_backend import ClientBackend, openai_client
from creator.models.embedded_model import FILE_NAME, MODEL_NAME, is_cached
from creator.own_modules import own_environment, own_module

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 2.0
THREADS: Final = 2


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the embedded model is kept; ``CREATOR_CACHE_DIR`` moves it."""
    chosen = environ.get("CREATOR_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("agent-creator-sandbox")


async def fetched_model(folder: Path, progress: Callable[[str], None]) -> Path:
    """The embedded model's file, which is fetched when it is not there.

    Args:
        folder: Where it is kept.
        progress: Called with a line for each step.

    Raises:
        EnvironmentFault: It cannot be fetched; the text says why.
    """
    if not is_cached(folder):
        process = await asyncio.create_subprocess_exec(
            *own_module("creator.models.embedded_model", str(folder)),
            env=own_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None and process.stderr is not None
        try:
            while line := await process.stdout.readline():
                progress(line.decode("utf-8", "replace").strip())
            errors = (await process.stderr.read()).decode("utf-8", "replace").strip().splitlines()
            await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                await process.wait()
        if process.returncode != 0:
            reason = errors[-1][:300] if errors else "no reason given"
            raise EnvironmentFault(f"the embedded model is not available: {reason}; or choose another --model")
    return folder / FILE_NAME


class EmbeddedBackend(Backend):
    """Starts a server process with a secret of its own, and ends it.

    Args:
        path: A GGUF file of the user's; None for the embedded model, which is fetched at first use.
        progress: Called with a line for what takes long.
    """

    def __init__(self, path: Path | None, progress: Callable[[str], None]) -> None:
        if path is not None and not path.is_file():
            raise UsageError(f"there is no model file {str(path)!r}")
        if importlib.util.find_spec("xllamacpp") is None:
            raise EnvironmentFault("the embedded model needs the package xllamacpp, which this system has no build of")
        self._path = path
        self._progress = progress
        self._server: asyncio.subprocess.Process | None = None
        self._client: ClientBackend | None = None
        if path is None:
            self.name = f"embedded:{MODEL_NAME}"
            self.notice = (
                "offline and free, its ideas are rough; for better ones set OPENAI_API_KEY or ANTHROPIC_API_KEY, "
                "or use --model ollama:NAME"
            )
            self.strategy = "slots"
            self._slots, self._context = 10, 6_400
        else:
            self.name = f"file:{path.stem[:100]}"
            status = path.stat()
            self.address = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"  # whatever other file is so named
            self.notice = "your own model file, served on this machine"
            self._slots, self._context = 4, 16_384
        self.max_concurrency = 2 * self._slots

    async def __aenter__(self) -> EmbeddedBackend:
        path = self._path if self._path is not None else await fetched_model(cache_folder(), self._progress)
        key = secrets.token_urlsafe(32)
        try:
            url = await self._start(path, key)
            self._client = ClientBackend(
                self.name,
                self.notice,
                lambda: openai_client(self.name, key, f"{url}/v1"),
                secrets=[key],
                structured="response_format",
            )
            await self._client.__aenter__()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._client is not None:
            await self._client.__aexit__(*exc_info)
        await self._stop()

    async def _start(self, path: Path, key: str) -> str:
        """Start the server and give its address."""
        process = await asyncio.create_subprocess_exec(
            *own_module("creator.models.embedded_server"),
            env=own_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        self._server = process
        assert process.stdin is not None and process.stdout is not None
        config = {
            "model": str(path),
            "key": key,  # by standard input: a command line can be read by others
            "slots": self._slots,
            "context": self._context,
            "threads": THREADS,
            "alias": self.name,
        }
        process.stdin.write(json.dumps(config).encode() + b"\n")
        try:
            async with asyncio.timeout(START_SECONDS):
                await process.stdin.drain()
                line = await process.stdout.readline()
            return str(json.loads(line)["url"])
        except (TimeoutError, ConnectionError, ValueError, KeyError):
            raise EnvironmentFault(
                f"the model {path.name!r} cannot be served: is it a GGUF file that llama.cpp knows?"
            ) from None

    async def _stop(self) -> None:
        process, self._server = self._server, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()  # its end is the word to stop
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def complete(
        self,
        messages: Sequence[LLMMessage],
        *,
        temperature: float,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        timeout: float = 60,
    ) -> Completion:
        """One attempt at one completion."""
        assert self._client is not None, "the backend is not open"
        return await self._client.complete(
            messages,
            temperature=temperature,
            max_tokens=max_tokens,
            json_schema=json_schema,
            extra=extra,
            timeout=timeout,
        )

    async def check(self) -> None:
        """Ask for one short completion."""
        assert self._client is not None, "the backend is not open"
        await self._client.check()
