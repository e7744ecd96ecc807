"""A cell: one process that hosts one agent. Forked from a preloaded process, so this module imports eagerly."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from autogen_core import AgentId, AgentInstantiationContext, MessageSerializer, RoutedAgent
from autogen_core._serialization import try_get_known_serializers_for_type

from sandbox import kit, protocol
from sandbox.errors import describe
from sandbox.loader import load_module
from sandbox.runtime import HardenedRuntime

HEARTBEAT_SECONDS: Final = 1.0

PROCESSES: Final = 64
"""What a cell with a user of its own may start; grpc's threads count, about twenty."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38

_LIMITS: Final[Sequence[tuple[int, int]]] = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NOFILE, 256),
    (resource.RLIMIT_FSIZE, 16 << 20),
    (resource.RLIMIT_DATA, 512 << 20),
)
"""Soft and hard limits of every cell: no core files, 256 files, 16 MiB a file, 512 MiB of data."""


@dataclass(frozen=True)
class CellConfig:
    """What a cell is told by its supervisor.

    Attributes:
        address: The host's gRPC address.
        directory: The run's modules.
        start: The World's order.
        uid: A user id of its own; None where the supervisor has none to give.
    """

    address: str
    directory: Path
    start: protocol.StartCell
    uid: int | None = None


def confine_process() -> None:
    """Linux only: die with the parent, gain no privileges, and let no other process of this user read our memory."""
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _become(uid: int) -> None:
    """Change to a user of this cell's own, with a folder of its own; all capabilities go with root."""
    # The supervisor's group stays: the host's socket has it, and nothing else that a cell can see.
    os.setgroups([os.getgid()])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    folder = Path(tempfile.gettempdir()) / str(uid)
    folder.mkdir(mode=0o700)
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def serializers(*modules: ModuleType) -> list[MessageSerializer[Any]]:
    """A serializer for each message of the protocol, and of further modules of messages."""
    messages = (value for module in (protocol, *modules) for value in vars(module).values() if isinstance(value, type))
    return [
        serializer
        for message in messages
        if issubclass(message, protocol.Message) and message is not protocol.Message
        for serializer in try_get_known_serializers_for_type(message)
    ]


def run_cell(config: CellConfig, ready: Connection) -> None:
    """The life of a cell, as the target of a forked process.

    Args:
        config: What to host.
        ready: Gets one text: empty once the agent is registered, else the reason why not. Then heartbeats.
    """
    if config.uid is not None:
        _become(config.uid)
    confine_process()  # after that: another user id takes the parent-death signal away
    for limit, value in _LIMITS:
        _, hard = resource.getrlimit(limit)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (bound, bound))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    try:
        asyncio.run(_host_agent(config, ready))
    except BaseException as error:
        ready.send(describe(error))
        raise SystemExit(1) from None


async def _host_agent(config: CellConfig, ready: Connection) -> None:
    start = config.start
    kit._configure(start.seed, start.bounce)
    runtime = HardenedRuntime(
        config.address, credential=start.credential, reconnect_for=0, frozen_after=None, may_publish=False
    )
    agent_id = AgentId(start.name, "default")
    module = load_module(config.directory, start.name, start.sha256)
    with AgentInstantiationContext.populate_context((runtime, agent_id)):
        agent = module.Agent(start.name)
    if not isinstance(agent, RoutedAgent):
        raise TypeError("Agent(name) has to give a RoutedAgent")
    runtime.add_message_serializer(serializers())
    await runtime.start()
    # Not Agent.register_instance: its subscriptions serve topics, which nobody publishes to here.
    await runtime.register_agent_instance(agent, agent_id)
    ready.send("")
    os.set_blocking(ready.fileno(), False)
    beating = asyncio.create_task(_beat(ready))
    await runtime.lost.wait()
    beating.cancel()


async def _beat(pipe: Connection) -> None:
    """Tell the supervisor again and again that this event loop is running."""
    while True:
        with contextlib.suppress(BlockingIOError):  # it is paused, and will see the beats that fit
            os.write(pipe.fileno(), b".")
        await asyncio.sleep(HEARTBEAT_SECONDS / 2)
