"""The Docker engine: reaching it, waiting for it, and what every container of ours gets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from creator.isolation.base import SOCKET_NAME, SandboxUnavailable
from creator.isolation.image import OWNER_LABEL, RUN_LABEL
from creator.isolation.marks import process_mark

T = TypeVar("T")

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
ANSWER_SECONDS: Final = 5.0
REMOVE_SECONDS: Final = 10
REMOVE_PAUSES: Final = (0.0, 0.2, 1.0)
"""Seconds before each try to remove a container."""
CONFLICT: Final = 409

NOBODY: Final = 65_534
FIRST_UID: Final = 20_000

REMAPPING: Final = ("rootless", "userns")
"""Security options of an engine that maps a container's user and group ids to others."""

AGENTS_IN_CONTAINER: Final = "/run/agents"
HOST_IN_CONTAINER: Final = "/run/host"
PYTHON: Final = "/opt/cell/venv/bin/python"
TMP_IN_CONTAINER: Final = "/tmp"  # noqa: S108 - a file system of its own
ADDRESS: Final = f"unix:{HOST_IN_CONTAINER}/{SOCKET_NAME}"


@dataclass(frozen=True)
class Bounds:
    """What a container may use.

    Attributes:
        memory: Bytes of memory, without any swap beside it.
        pids: Processes and threads.
        cpus: Processors.
        tmp: Bytes of its ``/tmp``.
        inodes: Files in its ``/tmp``.
    """

    memory: int
    pids: int
    cpus: float
    tmp: int
    inodes: int


def first_uid() -> int:
    """Where the user ids of this run's cells begin, at most 50,000.

    Runs that go on side by side share the kernel's count of each user's processes: they start apart. An engine that
    remaps ids has 65,536 to give.
    """
    return FIRST_UID + os.getpid() % 300 * 100


def socket_group() -> int:
    """The group that the host's socket has, and that a container's processes need to reach it."""
    return os.getgid() or NOBODY


def let_in(client: Any, path: Path) -> None:
    """Let a container's users reach the host's socket, whose mode is 0660."""
    if any(f"name={kind}" in option for option in client.info()["SecurityOptions"] for kind in REMAPPING):
        # Its ids are others outside, and we cannot know which: then a credential alone admits it.
        path.chmod(0o666)
    elif socket_group() != os.getgid():
        os.chown(path, -1, socket_group())


def create_container(
    client: Any,
    image: str,
    program: str,
    *,
    run_id: str,
    modules: Path,
    sockets: Path,
    bounds: Bounds,
    runtime: str | None,
    capabilities: Sequence[str] = (),
    **options: Any,
) -> Any:
    """Create a container without network, with a read-only root and no capabilities but those named; blocking.

    Args:
        client: A `docker.DockerClient`.
        image: What it is made of.
        program: Which of our programs it runs, such as ``sandbox.supervisor``.
        run_id: Its label, to find what a dead run left behind.
        modules: Folder of the run's modules, mounted read-only.
        sockets: Folder of the host's socket, mounted read-only.
        bounds: What it may use.
        runtime: The engine's OCI runtime, such as ``runsc``; None for the engine's default.
        capabilities: What its first process keeps.
        options: Further arguments of docker-py, such as ``user``.

    Raises:
        SandboxUnavailable: The engine refuses.
    """
    import docker.errors
    from docker.types import LogConfig, Mount, Ulimit

    try:
        return client.containers.create(
            image,
            entrypoint=[PYTHON, "-P", "-m", program],
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            cap_add=list(capabilities),
            security_opt=["no-new-privileges"],
            init=True,
            ipc_mode="none",
            pids_limit=bounds.pids,
            mem_limit=bounds.memory,
            memswap_limit=bounds.memory,
            nano_cpus=int(bounds.cpus * 1e9),
            tmpfs={TMP_IN_CONTAINER: f"rw,noexec,nosuid,nodev,size={bounds.tmp},nr_inodes={bounds.inodes},mode=1777"},
            ulimits=[
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="nofile", soft=4_096, hard=4_096),
            ],
            mounts=[
                Mount(AGENTS_IN_CONTAINER, str(modules), type="bind", read_only=True),
                Mount(HOST_IN_CONTAINER, str(sockets), type="bind", read_only=True),
            ],
            labels={RUN_LABEL: run_id, OWNER_LABEL: process_mark()},
            log_config=LogConfig(type="none"),
            runtime=runtime,
            stdin_open=True,
            auto_remove=True,
            **options,
        )
    except docker.errors.APIError as error:
        raise SandboxUnavailable(f"the container cannot be created: {_explanation(error)}") from error


def start_container(container: Any) -> socket.socket:
    """Start a container, attached to its standard streams first: what it is told never is in its environment.

    Returns:
        The engine's socket, which carries the container's input, and its output in frames.

    Raises:
        SandboxUnavailable: The engine refuses.
    """
    import docker.errors

    attached = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    # docker-py wraps the socket for reading only: the same one, in our own hands, and the wrapper is let go of.
    stream = socket.socket(fileno=os.dup(attached.fileno()))
    wrapped = getattr(attached, "_sock", attached)
    attached.close()
    wrapped.close()
    try:
        container.start()
    except docker.errors.APIError as error:
        stream.close()
        raise SandboxUnavailable(f"the container cannot be started: {_explanation(error)}") from error
    return stream


def remove_container(container: Any) -> None:
    """Remove a container and all its processes; blocking, and no error when it has gone.

    Raises:
        SandboxUnavailable: The engine still has it after three tries.
    """
    import docker.errors
    import requests.exceptions

    failure: Exception | None = None
    for pause in REMOVE_PAUSES:
        time.sleep(pause)
        try:
            container.remove(force=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            failure = error
            if error.status_code == CONFLICT:
                # The engine is at it already, on its own or for somebody else.
                with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
                    container.wait(condition="removed", timeout=REMOVE_SECONDS)
        except requests.exceptions.RequestException as error:
            failure = error
        else:
            return
    reason = " ".join(str(getattr(failure, "explanation", failure)).split())[:300]
    raise SandboxUnavailable(f"the container {container.short_id} cannot be removed: {reason}")


def _explanation(error: Any) -> str:
    return " ".join(str(error.explanation).split())[:300]


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


async def in_thread(function: Callable[[], T]) -> T:
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
