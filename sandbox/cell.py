"""A cell: one process that hosts one agent, or several when they are packed.

It is forked from a preloaded process, so this module imports eagerly. Before it loads a module it gives up everything
that an agent does not need; see `sandbox.confinement`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NoReturn

from autogen_core import AgentId, AgentInstantiationContext, MessageSerializer, RoutedAgent
from autogen_core._serialization import try_get_known_serializers_for_type

from sandbox import kit, protocol
from sandbox.channel import HEARTBEAT, read_first_line, read_lines
from sandbox.confinement import (
    become,
    confine_process,
    drop_all_capabilities,
    ignore_terminal,
    limit_resources,
    refuse_system_calls,
    restrict_files,
)
from sandbox.confinement.system_calls import this_architecture
from sandbox.errors import describe, place_in
from sandbox.loader import load_module
from sandbox.runtime import HardenedRuntime

HEARTBEAT_SECONDS: Final = 1.0

_SYSTEM: Final = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")


class CellPlace(protocol.Message):
    """Where a cell lives, and what it gets. Holds no secret: orders come over the cell's own channel.

    Attributes:
        address: The host's gRPC address.
        directory: The run's modules.
        number: Tells the cells of a run apart.
        first_uid: The cell takes the user of this id plus its number; None leaves it its supervisor's.
        folders: Where each cell gets a folder of its own to write to; None where nothing would bound what it writes.
        agents: How many it may hold.
        filtered: Whether the filter of system calls is part of this sandbox's wall, so that no cell goes without it.
    """

    address: str
    directory: Path
    number: int = 0
    first_uid: int | None = None
    folders: Path | None = None
    agents: int = 1
    filtered: bool = False

    @property
    def uid(self) -> int | None:
        """The cell's own user, when it has one."""
        return None if self.first_uid is None else self.first_uid + self.number


def serializers(*modules: ModuleType) -> list[MessageSerializer[Any]]:
    """A serializer for each message of the protocol, and of further modules of messages."""
    messages = (value for module in (protocol, *modules) for value in vars(module).values() if isinstance(value, type))
    return [
        serializer
        for message in messages
        if issubclass(message, protocol.Message) and message is not protocol.Message
        for serializer in try_get_known_serializers_for_type(message)
    ]


def run_cell(place: CellPlace, orders: int, reports: int) -> NoReturn:
    """The life of a cell, from its fork to its end.

    Args:
        place: Where it lives.
        orders: File descriptor that `StartCell` orders are read from, as lines of JSON; its end ends the cell.
        reports: File descriptor for `CellReport` lines and heartbeats.
    """
    try:
        confine_cell(place)
        asyncio.run(_serve(place, orders, reports))
    except BaseException as error:
        _report(reports, protocol.CellReport(name="cell", state="exited", reason=describe(error)[:2_000]))
    finally:
        os._exit(1)  # nothing that a module left behind may run now


def confine_cell(place: CellPlace) -> int:
    """Give up everything that an agent does not need; the process must have one thread.

    What the kernel does not offer is left out: `creator doctor` tells what is in force.

    Returns:
        The version of Landlock in force, 0 for none.

    Raises:
        PermissionError: The kernel refuses what it offers, and this sandbox has no other wall.
    """
    if place.uid is not None:
        become(place.uid)
    drop_all_capabilities()
    confine_process()  # after that: another user id takes the parent-death signal away
    limit_resources(may_write=place.folders is not None)
    ignore_terminal()
    folder = _own_folder(place)
    landlock = restrict_files(_readable(place), [folder] if folder is not None else [])
    if not refuse_system_calls(sockets=True) and place.filtered and this_architecture() is not None:
        raise PermissionError("the kernel does not take our filter of system calls")
    return landlock


def _own_folder(place: CellPlace) -> Path | None:
    os.chdir("/")
    if place.folders is None:
        return None
    folder = place.folders / f"cell-{place.number}"
    try:
        folder.mkdir(mode=0o700)
    except OSError:
        return None  # another cell has filled everything up; an agent that writes no file does not notice
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return folder


def _readable(place: CellPlace) -> Iterator[Path]:
    """Python and its libraries, our package, the run's modules, the host's socket."""
    yield from map(Path, _SYSTEM)
    yield from (Path(prefix) for prefix in {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()})
    yield Path(__file__).parent
    yield place.directory
    if place.address.startswith("unix:"):
        yield Path(place.address.removeprefix("unix:")).parent


async def _serve(place: CellPlace, orders: int, reports: int) -> NoReturn:
    """Host agents as they are ordered, until the supervisor closes the channel."""
    os.set_blocking(reports, False)
    beating = asyncio.create_task(_beat(reports))
    hosting: set[asyncio.Task[None]] = set()
    lines = await read_lines(orders)
    while line := await lines.readline():
        start = protocol.StartCell.model_validate_json(line)
        # A task of its own has a context of its own: what the kit knows of one agent is not the other's.
        task = asyncio.create_task(_host_agent(place, start, reports))
        hosting.add(task)
        task.add_done_callback(hosting.discard)
    beating.cancel()
    os._exit(0)


async def _host_agent(place: CellPlace, start: protocol.StartCell, reports: int) -> None:
    kit._configure(start.seed, start.bounce, start.pattern)
    runtime = HardenedRuntime(
        place.address, credential=start.credential, reconnect_for=0, frozen_after=None, may_publish=False
    )
    try:
        runtime.add_message_serializer(serializers())
        await runtime.start()
        if place.agents == 1:
            # The connection stands, and nothing has been run yet that could want another one.
            refuse_system_calls(sockets=False)
        agent_id = AgentId(start.name, "default")
        module = load_module(place.directory, start.name, start.sha256)
        with AgentInstantiationContext.populate_context((runtime, agent_id)):
            agent = module.Agent(start.name)
        if not isinstance(agent, RoutedAgent):
            raise TypeError("Agent(name) has to give a RoutedAgent")
        # Not Agent.register_instance: its subscriptions serve topics, which nobody publishes to here.
        await runtime.register_agent_instance(agent, agent_id)
    except BaseException as error:
        reason = describe(error) + place_in(f"{start.name}.py", error)
        _report(reports, protocol.CellReport(name=start.name, state="failed", reason=reason[:2_000]))
        return
    _report(reports, protocol.CellReport(name=start.name, state="registered"))
    await runtime.lost.wait()
    if place.agents == 1:
        os._exit(0)


def _report(reports: int, report: protocol.CellReport) -> None:
    with contextlib.suppress(OSError):  # the supervisor has gone: so will this cell
        os.write(reports, report.model_dump_json().encode() + b"\n")


async def _beat(reports: int) -> None:
    """Tell the supervisor again and again that this event loop is running."""
    while True:
        with contextlib.suppress(OSError):  # it is paused, and will see the beats that fit
            os.write(reports, HEARTBEAT)
        await asyncio.sleep(HEARTBEAT_SECONDS / 2)


def main() -> None:
    """``python -m sandbox.cell``: one cell without a supervisor beside it, in a container of its own.

    Its standard input says where it lives, in one line of JSON, and then carries its orders; it reports on its
    standard output.
    """
    run_cell(CellPlace.model_validate_json(read_first_line()), os.dup(0), os.dup(1))


if __name__ == "__main__":
    main()
