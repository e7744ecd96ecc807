"""The supervisor: the first process inside the sandbox. It starts, watches and ends cells at the World's word.

It holds no model and no message of any agent, and it ends itself when its connection to the host is gone, so that
nothing outlives the World.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler

from sandbox.cell import HEARTBEAT_SECONDS, CellConfig, confine_process, run_cell, serializers
from sandbox.errors import MessagingError
from sandbox.protocol import CREATOR, SUPERVISOR, CellReport, StartCell, StopCell
from sandbox.runtime import HardenedRuntime

MISSED_HEARTBEATS: Final = 5
"""In a row; then a cell counts as unresponsive."""

MEMORY_BYTES: Final = 256 << 20
"""What one cell may hold in memory."""

KILL_ROUNDS: Final = 5
"""How often a user's processes are looked for: some may fork while others are being killed."""

_context = multiprocessing.get_context("forkserver")


class Supervisor(RoutedAgent):
    """Starts and stops cells.

    Args:
        address: The host's gRPC address, given on to each cell.
        directory: The run's modules.
        first_uid: Each cell gets a user id of its own from here on; None gives it the supervisor's.
    """

    def __init__(self, address: str, directory: Path, first_uid: int | None) -> None:
        super().__init__("Starts and stops the cells of one run.")
        self._address = address
        self._directory = directory
        self._uids = itertools.count(first_uid) if first_uid is not None else itertools.repeat(None)
        self._cells: dict[str, _Cell] = {}
        self._watchers: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None

    @message_handler
    async def start_cell(self, message: StartCell, ctx: MessageContext) -> CellReport:
        """Fork a cell and wait until its agent is registered, it fails, or the deadline passes."""
        self._kill(message.name)
        receiver, sender = _context.Pipe(duplex=False)
        uid = next(self._uids)
        config = CellConfig(self._address, self._directory, message, uid)
        process = _context.Process(target=run_cell, args=(config, sender), daemon=True)
        await asyncio.to_thread(process.start)
        sender.close()
        cell = self._cells[message.name] = _Cell(process, receiver, uid)
        try:
            async with asyncio.timeout(message.deadline):
                await _readable(receiver.fileno())
            reason = receiver.recv()
            state = "failed" if reason else "registered"
        except TimeoutError:
            state, reason = "failed", f"not registered within {message.deadline:g} s"
        except (EOFError, OSError):
            await asyncio.to_thread(process.join, 2)
            state, reason = "failed", cell.reason or _exit_reason(process)
        if state == "failed":
            receiver.close()
            self._kill(message.name)
            return CellReport(name=message.name, state="failed", reason=str(reason)[:2_000])
        watcher = asyncio.create_task(self._watch(message.name, cell))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick())
        return CellReport(name=message.name, state="registered")

    @message_handler
    async def stop_cell(self, message: StopCell, ctx: MessageContext) -> CellReport:
        """Kill a cell; no error when there is none."""
        self._kill(message.name)
        return CellReport(name=message.name, state="exited", reason="stopped")

    async def _watch(self, name: str, cell: _Cell) -> None:
        """Take a cell's heartbeats until its process has ended, then report how."""
        loop = asyncio.get_running_loop()
        os.set_blocking(cell.beats.fileno(), False)
        loop.add_reader(cell.beats.fileno(), cell.take_beats)
        cell.beating = True
        try:
            await _readable(cell.process.sentinel)
        finally:
            cell.close()
        cell.process.join()
        cell.kill()  # what it started lives on otherwise, and holds its connection open
        if self._cells.get(name) is not cell:
            return
        del self._cells[name]
        report = CellReport(name=name, state="exited", reason=cell.reason or _exit_reason(cell.process))
        with contextlib.suppress(MessagingError):
            await self.send_message(report, AgentId(CREATOR, "default"))

    async def _tick(self) -> None:
        """End cells that do not respond, or hold too much memory.

        Counting ticks, not time: when everything was paused, nobody has missed anything.
        """
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for cell in self._cells.values():
                cell.missed += cell.beating  # while it is being born, its birth's own deadline counts
                if cell.missed > MISSED_HEARTBEATS:
                    cell.end(f"unresponsive for {MISSED_HEARTBEATS * HEARTBEAT_SECONDS:g} s")
                elif _resident_bytes(cell.process.pid) > MEMORY_BYTES:
                    cell.end(f"over its memory limit of {MEMORY_BYTES >> 20} MiB")

    def _kill(self, name: str) -> None:
        cell = self._cells.pop(name, None)
        if cell is not None:
            cell.kill()


class _Cell:
    """A started process, its heartbeats, and why it was ended."""

    def __init__(self, process: ForkServerProcess, beats: Connection, uid: int | None) -> None:
        self.process = process
        self.beats = beats
        self.uid = uid
        self.beating = False
        self.missed = 0
        self.reason = ""

    def take_beats(self) -> None:
        """Note that the cell is alive; its end of the pipe may be closed, too."""
        try:
            if not os.read(self.beats.fileno(), 4_096):
                self.close()
            self.missed = 0
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Take no more heartbeats."""
        if not self.beats.closed:
            asyncio.get_running_loop().remove_reader(self.beats.fileno())
            self.beats.close()

    def end(self, reason: str) -> None:
        """Kill the process; its watcher reports the reason."""
        self.reason = self.reason or reason
        self.kill()

    def kill(self) -> None:
        """Kill the process, and everything else of its user when it has one of its own."""
        self.process.kill()
        for _ in range(KILL_ROUNDS if self.uid is not None else 0):
            found = _processes_of(self.uid)
            for identity in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(identity, signal.SIGKILL)
            if not found:
                break


def _processes_of(uid: int | None) -> list[int]:
    """The processes of a user that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = dict(line.split(":", 1) for line in (folder / "status").read_text("utf-8", "replace").splitlines())
            if int(fields["Uid"].split()[0]) == uid and not fields["State"].strip().startswith("Z"):
                found.append(int(folder.name))
        except (OSError, KeyError, ValueError):
            continue  # it has gone meanwhile
    return found


def _resident_bytes(pid: int | None) -> int:
    """What a process holds in memory; 0 when it is gone, or this is not Linux."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGESIZE")


def _exit_reason(process: ForkServerProcess) -> str:
    code = process.exitcode
    if code is None:
        return "closed its report and went on"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


async def _readable(descriptor: int) -> None:
    """Wait until a file descriptor can be read or is closed by its other end."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def ready() -> None:
        # A level-triggered reader may fire more than once before it is removed.
        if not done.done():
            done.set_result(None)

    loop.add_reader(descriptor, ready)
    try:
        await done
    finally:
        loop.remove_reader(descriptor)


async def supervise(address: str, directory: Path, credential: str, first_uid: int | None) -> None:
    """Serve the World until the connection to the host is gone."""
    runtime = HardenedRuntime(address, credential=credential, reconnect_for=0, frozen_after=None, may_publish=False)
    runtime.add_message_serializer(serializers())
    await runtime.start()
    supervisor = Supervisor(address, directory, first_uid)
    await runtime.register_agent_instance(supervisor, AgentId(SUPERVISOR, "default"))
    await runtime.lost.wait()


def main() -> None:
    """``python -m sandbox.supervisor ADDRESS DIRECTORY [FIRST_UID]``, the credential a line on standard input."""
    address, directory = sys.argv[1], Path(sys.argv[2])
    first_uid = int(sys.argv[3]) if len(sys.argv) > 3 else None
    # Read from the pipe byte by byte up to the line's end, and drop it: nothing keeps it for the cells to find.
    credential = sys.stdin.readline().strip()
    sys.stdin.close()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    confine_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _context.set_forkserver_preload(["sandbox.preload"])
    forkserver.ensure_running()  # it imports AutoGen while the model is still being asked for the first agent
    asyncio.run(supervise(address, directory, credential, first_uid))
    os._exit(0)  # the forkserver and the cells end with us; nothing is worth waiting for


if __name__ == "__main__":
    main()
