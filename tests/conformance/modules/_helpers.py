"""Appended to every hostile module: what attacks have in common. It names nothing of the sandbox's internals."""

import contextlib as _contextlib
import ctypes as _ctypes
import gc as _gc
import os as _os
import stat as _stat

NOTES = []
"""Lines that an attack wants to be on record besides its evidence."""

libc = _ctypes.CDLL(None, use_errno=True)


def syscall(number, *arguments):
    """A bare system call (numbers of x86-64); raises OSError like a function of ``os`` does."""
    if _os.uname().machine != "x86_64":
        raise OSError(38, "the numbers mean something else on this machine")
    result = libc.syscall(_ctypes.c_long(number), *(_ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        raise OSError(_ctypes.get_errno(), _os.strerror(_ctypes.get_errno()))
    return result


def attempt(action, *arguments):
    """What an action gives, or None when it raises."""
    try:
        return action(*arguments)
    except Exception as error:
        NOTES.append(f"{type(error).__name__}: {error}"[:100])
        return None


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def relatives(targets):
    """Process ids of own ancestors up to the test, siblings, the test itself and its victim; never anybody else's."""
    found, pid = [], _os.getpid()
    while pid not in (0, targets["test_pid"]):
        pid = attempt(parent_of, pid) or 0
        found.append(pid)
    parent = _os.getppid()
    for name in attempt(_os.listdir, "/proc") or []:
        if name.isdigit() and attempt(parent_of, int(name)) == parent:
            found.append(int(name))
    found += [targets["test_pid"], targets["victim"]]
    return [pid for pid in dict.fromkeys(found) if pid not in (0, _os.getpid())]


def descriptors():
    """Own open file descriptors and what they point at, as far as /proc tells; they are found without it."""
    found = {}
    for number in range(1_024):
        with _contextlib.suppress(OSError):
            _os.fstat(number)
            found[number] = attempt(_os.readlink, f"/proc/self/fd/{number}") or "unknown"
    return found


def write_ends():
    """File descriptors by which a cell may tell somebody something: what can be written to, and is no file."""
    import fcntl

    found = []
    for number in descriptors():
        with _contextlib.suppress(OSError):
            mode = _os.fstat(number).st_mode
            writable = fcntl.fcntl(number, fcntl.F_GETFL) & _os.O_ACCMODE != _os.O_RDONLY
            if writable and (_stat.S_ISFIFO(mode) or _stat.S_ISSOCK(mode)):
                found.append(number)
    return found


def reports():
    """The descriptors among these that a supervisor may listen to: pipes, and pairs of sockets."""
    return [number for number in write_ends() if _stat.S_ISFIFO(_os.fstat(number).st_mode) or _is_of_a_pair(number)]


def _is_of_a_pair(number):
    import socket

    with _contextlib.suppress(OSError), socket.socket(fileno=_os.dup(number)) as one:
        return one.family == socket.AF_UNIX and not one.getpeername()
    return False


_connections = []


def connection(agent):
    """The agent's connection to the host: AutoGen's own class, wherever the runtime keeps it."""
    from autogen_ext.runtimes.grpc._worker_runtime import HostConnection

    if not _connections:
        _connections.extend(one for one in _gc.get_objects() if issubclass(type(one), HostConnection))
    return _connections[0]


def raw_request(target, kind, payload=b"{}", source=None, **metadata):
    """A request of AutoGen's protocol as bytes that no client would check."""
    import uuid

    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    request = pb.RpcRequest(request_id=uuid.uuid4().hex, target=pb.AgentId(type=target, key="default"))
    if source is not None:
        request.source.type, request.source.key = source, "default"
    request.payload.data_type, request.payload.data = kind, payload
    request.payload.data_content_type = "application/json"
    for name, value in metadata.items():
        request.metadata[name] = value
    return pb.Message(request=request)


def raw_answer(request_id, kind, payload, content_type="application/json", error="", **metadata):
    """An answer of AutoGen's protocol as bytes that no client would check."""
    from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

    response = pb.RpcResponse(request_id=request_id, error=error)
    response.payload.data_type, response.payload.data = kind, payload
    response.payload.data_content_type = content_type
    for name, value in metadata.items():
        response.metadata[name] = value
    return pb.Message(response=response)


async def ask(agent, message, seconds=3.0):
    """Send a raw request, and give its answer's text, or None when it was refused or nobody answered."""
    import asyncio

    runtime, future = agent.runtime, asyncio.get_running_loop().create_future()
    runtime._pending_requests[message.request.request_id] = future
    await connection(agent).send(message)
    try:
        return repr(await asyncio.wait_for(future, seconds))
    except Exception as error:
        NOTES.append(f"{type(error).__name__}: {error}"[:200])
        return None


def forged_idea(title="FORGED"):
    """The JSON of a proposal."""
    import json

    parts = ("problem", "customer", "solution", "revenue_model", "first_step")
    return json.dumps({"idea": {"title": title, **dict.fromkeys(parts, title)}}).encode()
