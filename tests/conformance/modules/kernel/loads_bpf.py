"""Make a BPF map and load a BPF program into the kernel."""

import ctypes

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    array = (ctypes.c_uint32 * 32)(2, 4, 4, 1)  # an array of one entry
    descriptor = attempt(syscall, 321, 0, ctypes.addressof(array), 72)
    return None if descriptor is None else f"map {descriptor}"
