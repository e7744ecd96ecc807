"""The process that cells are forked from: everything that a cell imports is imported here once.

``python -m sandbox.zygote`` takes requests on its standard input, a socket of packets: to fork a cell, with the
descriptor of that cell's channel, or to kill one. It answers with each cell's process id and exit status. It never
reads a channel, so that no cell is forked with another one's secrets in its memory; and it has no name in any file
system that a cell could reach it by, which the standard library's fork server has.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from sandbox.cell import CellPlace, run_cell
from sandbox.channel import MAX_LINE_BYTES
from sandbox.confinement import CPU_SECONDS, confine_process

PACKET_BYTES: Final = 4_096


def serve(requests: socket.socket) -> None:
    """Fork and kill cells until the supervisor is gone."""
    children: dict[int, int] = {}
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)

    def answer(**fields: Any) -> None:
        requests.send(json.dumps(fields).encode())

    def reap() -> None:
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            answer(cell=children.pop(pid), status=os.waitstatus_to_exitcode(status))

    while True:
        ready, _, _ = select.select([requests.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, PACKET_BYTES)
            reap()
        if requests.fileno() not in ready:
            continue
        packet, descriptors, _, _ = socket.recv_fds(requests, PACKET_BYTES, 1)
        if not packet:
            break
        request = json.loads(packet)
        if "kill" in request:
            for pid, number in children.items():
                if number == request["kill"]:
                    _kill(pid)
            continue
        place = CellPlace.model_validate(request)
        channel = descriptors[0]
        try:
            pid = os.fork()
        except OSError as error:
            answer(cell=place.number, failed=f"it cannot be forked: {error.strerror}")
            os.close(channel)
            continue
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (requests.detach(), wake, woken):
                os.close(descriptor)
            run_cell(place, channel, os.dup(channel))
        os.close(channel)
        children[pid] = place.number
        answer(cell=place.number, pid=pid)
    for pid in children:
        _kill(pid)


def _kill(pid: int) -> None:
    """Kill a cell that has not been waited for yet, so that its id is still its own."""
    for kill in (os.killpg, os.kill):  # its group first: where forking is not refused, it may not be alone
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


class ForkedCell:
    """A cell that the zygote forked, as the supervisor sees it."""

    def __init__(self, zygote: Zygote, number: int, lines: asyncio.StreamReader, channel: asyncio.StreamWriter) -> None:
        self.lines = lines
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._zygote = zygote
        self._number = number
        self._channel = channel
        self._pid: int | None = None

    def send(self, line: bytes) -> None:
        """Send one line; whether it reads it, its deadline will tell."""
        self._channel.write(line)

    def kill(self) -> None:
        """Kill its process."""
        if not self.ended.done():
            self._zygote.kill(self._number)

    def let_go(self) -> None:
        """Neither tell it anything any more, nor listen."""
        self._channel.close()

    def resident_bytes(self) -> int:
        """What its process holds in memory; 0 when it is gone, or this is not Linux."""
        try:
            pages = Path(f"/proc/{self._pid}/statm").read_text("ascii").split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def on_answer(self, answer: dict[str, Any]) -> None:
        """The zygote tells what became of it."""
        if "pid" in answer:
            self._pid = answer["pid"]
        else:
            self._pid = None
            self.let_go()
            self.ended.set_result(answer.get("failed") or exit_reason(answer["status"]))


class Zygote:
    """The supervisor's end: starts the zygote's process and asks it for cells.

    Args:
        place: Where all its cells live.
    """

    def __init__(self, place: CellPlace) -> None:
        self._place = place
        self._cells: dict[int, ForkedCell] = {}
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", "sandbox.zygote"]
        # It imports AutoGen while the model is still being asked for the first agent.
        self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
        theirs.close()

    def listen(self) -> None:
        """Take its answers from now on."""
        asyncio.get_running_loop().add_reader(self._requests, self._take)

    def close(self) -> None:
        """End it, and its cells."""
        asyncio.get_running_loop().remove_reader(self._requests)
        self._requests.close()
        self._process.wait()
        for cell in self._cells.values():
            cell.let_go()

    async def launch(self, number: int) -> ForkedCell:
        """Fork a cell."""
        ours, theirs = socket.socketpair()
        lines, channel = await asyncio.open_unix_connection(sock=ours, limit=MAX_LINE_BYTES)
        cell = self._cells[number] = ForkedCell(self, number, lines, channel)
        request = self._place.model_copy(update={"number": number}).model_dump_json().encode()
        socket.send_fds(self._requests, [request], [theirs.fileno()])
        theirs.close()
        return cell

    def kill(self, number: int) -> None:
        """Kill a cell."""
        self._requests.send(json.dumps({"kill": number}).encode())

    def _take(self) -> None:
        packet = self._requests.recv(PACKET_BYTES)
        if not packet:
            raise SystemExit("the process that cells are forked from has ended")
        answer = json.loads(packet)
        cell = self._cells[answer["cell"]] if "pid" in answer else self._cells.pop(answer["cell"])
        cell.on_answer(answer)


def exit_reason(status: int) -> str:
    """How a process ended, from its exit code, or the negative number of the signal that ended it."""
    if status == -signal.SIGXCPU:
        return f"over its limit of {CPU_SECONDS} s of processor time"
    return f"signal {-status}" if status < 0 else f"exit code {status}"


def main() -> None:
    """The zygote's process."""
    confine_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    gc.collect()
    gc.freeze()  # what is never collected is never written to, and stays shared with the cells
    serve(requests)
    os._exit(0)


if __name__ == "__main__":
    main()
