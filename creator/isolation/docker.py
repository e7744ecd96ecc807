"""A Docker container: no network, read-only root, a user for each agent, its own pids, bounded memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from creator.isolation.base import SOCKET_NAME, Sandbox, SandboxUnavailable
from creator.isolation.image import ensure_image
from creator.isolation.leftovers import OWNER_LABEL, RUN_LABEL, process_mark

T = TypeVar("T")

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
ANSWER_SECONDS: Final = 5.0

NOBODY: Final = 65_534
FIRST_UID: Final = 20_000
"""The user ids of cells begin between this and 60,000, within what engines that remap them have to give."""

REMAPPING: Final = ("rootless", "userns")
"""Security options of an engine that maps a container's user and group ids to others."""

PROCESSES_PER_CELL: Final = 48
"""A cell is one process, but grpc gives it a dozen threads or more, and the kernel counts those."""
MEMORY_PER_CELL: Final = 96 << 20


class DockerSandbox(Sandbox):
    """Runs the supervisor and its cells in one container.

    Args:
        cells: How many agents it has to hold; sets its limits on memory and processes.
        run_id: Label of the container, to find what a dead run left behind.
        base_image: What the image is built on.
        progress: Called with a line for each step of an image build.
    """

    name = "docker"
    line = "docker: container without network, read-only, a user for each agent, limits on memory and processes"

    def __init__(self, cells: int, run_id: str, base_image: str, progress: Callable[[str], None]) -> None:
        self._cells = cells
        self._run_id = run_id
        self._base_image = base_image
        self._progress = progress
        self._client: Any = None
        self._container: Any = None

    async def start(self, modules: Path, sockets: Path, credential: str) -> None:
        """Build the image when it is missing, then start the container."""
        loop = asyncio.get_running_loop()

        def say(line: str) -> None:
            loop.call_soon_threadsafe(self._progress, line)

        self._client = await _in_thread(connect)
        image = await _in_thread(lambda: ensure_image(self._client, self._base_image, say))
        # A cancelled start must know its container, or nobody would remove it: these two are waited for.
        creating = asyncio.ensure_future(_in_thread(lambda: self._create(image, modules, sockets)))
        try:
            await asyncio.shield(creating)
        except asyncio.CancelledError:
            await asyncio.gather(creating, return_exceptions=True)
            raise
        await _in_thread(lambda: self._hand_over(credential))

    def _create(self, image: str, modules: Path, sockets: Path) -> None:
        import docker.errors
        from docker.types import LogConfig, Mount, Ulimit

        memory = (512 << 20) + MEMORY_PER_CELL * self._cells
        group = os.getgid() or NOBODY
        self._let_in(sockets / SOCKET_NAME, group)
        # Runs that go on side by side share the kernel's count of each user's processes: they start apart.
        first_uid = FIRST_UID + os.getpid() % 400 * 100
        try:
            self._container = self._client.containers.create(
                image,
                command=[f"unix:/run/host/{SOCKET_NAME}", "/run/agents", str(first_uid)],
                # Root with three capabilities, to give each cell a user of its own and to end it; cells have none.
                user=f"0:{group}",
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                cap_add=["SETUID", "SETGID", "KILL"],
                security_opt=["no-new-privileges"],
                init=True,
                ipc_mode="none",
                pids_limit=64 + PROCESSES_PER_CELL * self._cells,
                mem_limit=memory,
                memswap_limit=memory,
                tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,nr_inodes=4096,mode=1777"},  # noqa: S108
                ulimits=[
                    Ulimit(name="core", soft=0, hard=0),
                    Ulimit(name="nofile", soft=4_096, hard=4_096),
                ],
                mounts=[
                    Mount("/run/agents", str(modules), type="bind", read_only=True),
                    Mount("/run/host", str(sockets), type="bind", read_only=True),
                ],
                log_config=LogConfig(type="json-file", config={"max-size": "256k", "max-file": "1"}),
                labels={RUN_LABEL: self._run_id, OWNER_LABEL: process_mark()},
                stdin_open=True,
                auto_remove=True,
            )
        except docker.errors.APIError as error:
            raise SandboxUnavailable(f"the container cannot be created: {error.explanation}") from error

    def _let_in(self, socket: Path, group: int) -> None:
        """Let the container's user reach the host's socket, whose mode is 0660."""
        if any(f"name={kind}" in option for option in self._client.info()["SecurityOptions"] for kind in REMAPPING):
            # Its ids are others outside, and we cannot know which: then a credential alone admits it.
            socket.chmod(0o666)
        elif group != os.getgid():
            os.chown(socket, -1, group)

    def _hand_over(self, credential: str) -> None:
        """Start the container and write the credential to its standard input: it never is in its environment."""
        import docker.errors

        stdin = self._container.attach_socket(params={"stdin": 1, "stream": 1})
        # docker-py wraps the socket for reading only; the one underneath writes.
        writer = getattr(stdin, "_sock", stdin)
        try:
            self._container.start()
            writer.sendall(credential.encode() + b"\n")
        except docker.errors.APIError as error:
            raise SandboxUnavailable(f"the container cannot be started: {error.explanation}") from error
        finally:
            stdin.close()
            writer.close()

    async def stop(self) -> None:
        """Remove the container and all its processes."""
        container, self._container = self._container, None
        if container is not None:
            await _in_thread(lambda: _remove(container))
        if self._client is not None:
            self._client.close()
            self._client = None

    async def failure(self) -> str:
        """Wait for the container's end."""
        import docker.errors
        import requests.exceptions

        identity = self._container.id

        def wait() -> Any:
            # A client of its own: this thread may go on for a moment after the others' client is closed.
            client = connect()
            try:
                return client.containers.get(identity).wait()
            finally:
                client.close()

        try:
            status = await _in_thread(wait)
        except (docker.errors.APIError, requests.exceptions.RequestException):
            return "the container is gone"
        return f"the container ended with exit code {status.get('StatusCode')}"


def connect() -> Any:
    """A client of the local Docker engine.

    Raises:
        SandboxUnavailable: No engine answers, or it is not on this machine.
    """
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    if not host.startswith("unix://"):
        raise SandboxUnavailable("the Docker engine is on another machine; folders cannot be shared with it")
    try:
        # Asked by hand first: it is quicker than importing docker-py to find that there is no engine.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(ANSWER_SECONDS)
            probe.connect(host.removeprefix("unix://"))
    except OSError as error:
        raise SandboxUnavailable(
            f"no Docker engine answers ({error.strerror or error}): start it, and let this user reach its socket"
        ) from error

    import docker
    import docker.errors
    import requests.exceptions

    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise SandboxUnavailable("the Docker engine does not answer: restart it") from error
    return client


async def _in_thread(function: Callable[[], T]) -> T:
    """Run a blocking call of docker-py in a daemon thread, which an interrupted program need not wait for.

    The loop's own executor is joined at exit; a wait for a container or an image build would hold it up.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = function()
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="docker", daemon=True).start()
    return await done


def _remove(container: Any) -> None:
    import docker.errors

    with contextlib.suppress(docker.errors.NotFound):
        try:
            container.remove(force=True)
        except docker.errors.APIError as error:
            # With auto_remove the engine may be at it already.
            if error.status_code != 409:
                raise
