"""Become root, or get back groups and capabilities."""

import ctypes
import os

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    found = []
    for name, action in (
        ("user", lambda: os.setresuid(0, 0, 0)),
        ("group", lambda: os.setresgid(0, 0, 0)),
        ("groups", lambda: os.setgroups([0, 1, 2, 3])),
        ("file user", lambda: syscall(122, 0)),
    ):
        with _contextlib.suppress(OSError):
            action()
            found.append(name)
    found = [name for name in found if name != "file user"]
    with open("/proc/self/status", encoding="utf-8") as file:
        rights = dict(line.split(":", 1) for line in file.read().splitlines())
    if int(rights["CapEff"], 16):
        found.append("capabilities")
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 3, 0x1FF, 0x1FF, 0)
    if attempt(syscall, 126, ctypes.addressof(header), ctypes.addressof(data)) == 0:
        found.append("more capabilities")
    return found
