"""The supervisor: the first process inside the sandbox. It starts, watches and ends cells at the World's word.

It holds no model and no message of any agent, and it ends itself when its connection to the host is gone, so that
nothing outlives the World.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler

from sandbox.cell import CellConfig, confine_process, run_cell, serializers
from sandbox.errors import MessagingError
from sandbox.protocol import CREATOR, SUPERVISOR, CellReport, StartCell, StopCell
from sandbox.runtime import HardenedRuntime

_context = multiprocessing.get_context("forkserver")


class Supervisor(RoutedAgent):
    """Starts and stops cells.

    Args:
        address: The host's gRPC address, given on to each cell.
        directory: The run's modules.
    """

    def __init__(self, address: str, directory: Path) -> None:
        super().__init__("Starts and stops the cells of one run.")
        self._address = address
        self._directory = directory
        self._cells: dict[str, ForkServerProcess] = {}
        self._watchers: set[asyncio.Task[None]] = set()

    @message_handler
    async def start_cell(self, message: StartCell, ctx: MessageContext) -> CellReport:
        """Fork a cell and wait until its agent is registered, it fails, or the deadline passes."""
        self._kill(message.name)
        receiver, sender = _context.Pipe(duplex=False)
        config = CellConfig(self._address, self._directory, message)
        process = _context.Process(target=run_cell, args=(config, sender), daemon=True)
        await asyncio.to_thread(process.start)
        sender.close()
        self._cells[message.name] = process
        try:
            async with asyncio.timeout(message.deadline):
                await _readable(receiver.fileno())
            reason = receiver.recv()
            state = "failed" if reason else "registered"
        except TimeoutError:
            state, reason = "failed", f"not registered within {message.deadline:g} s"
        except (EOFError, OSError):
            await asyncio.to_thread(process.join, 2)
            state, reason = "failed", _exit_reason(process)
        finally:
            receiver.close()
        if state == "failed":
            self._kill(message.name)
            return CellReport(name=message.name, state="failed", reason=str(reason)[:2_000])
        watcher = asyncio.create_task(self._watch(message.name, process))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return CellReport(name=message.name, state="registered")

    @message_handler
    async def stop_cell(self, message: StopCell, ctx: MessageContext) -> CellReport:
        """Kill a cell; no error when there is none."""
        self._kill(message.name)
        return CellReport(name=message.name, state="exited", reason="stopped")

    async def _watch(self, name: str, process: ForkServerProcess) -> None:
        await _readable(process.sentinel)
        process.join()
        if self._cells.get(name) is not process:
            return
        del self._cells[name]
        report = CellReport(name=name, state="exited", reason=_exit_reason(process))
        with contextlib.suppress(MessagingError):
            await self.send_message(report, AgentId(CREATOR, "default"))

    def _kill(self, name: str) -> None:
        process = self._cells.pop(name, None)
        if process is not None:
            process.kill()


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


async def supervise(address: str, directory: Path, credential: str) -> None:
    """Serve the World until the connection to the host is gone."""
    runtime = HardenedRuntime(address, credential=credential, reconnect_for=0, frozen_after=None, may_publish=False)
    runtime.add_message_serializer(serializers())
    await runtime.start()
    await runtime.register_agent_instance(Supervisor(address, directory), AgentId(SUPERVISOR, "default"))
    await runtime.lost.wait()


def main() -> None:
    """``python -m sandbox.supervisor ADDRESS DIRECTORY``, with the credential as a line on standard input."""
    address, directory = sys.argv[1], Path(sys.argv[2])
    # Read from the pipe byte by byte up to the line's end, and drop it: nothing keeps it for the cells to find.
    credential = sys.stdin.readline().strip()
    sys.stdin.close()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    confine_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _context.set_forkserver_preload(["sandbox.preload"])
    forkserver.ensure_running()  # it imports AutoGen while the model is still being asked for the first agent
    asyncio.run(supervise(address, directory, credential))
    os._exit(0)  # the forkserver and the cells end with us; nothing is worth waiting for


if __name__ == "__main__":
    main()
