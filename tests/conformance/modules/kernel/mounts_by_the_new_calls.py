"""Mount by the newer calls, which older filters do not know: fsopen, open_tree, move_mount, mount_setattr."""

import ctypes

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    found = []
    name, root = ctypes.c_char_p(b"tmpfs"), ctypes.c_char_p(b"/")
    if attempt(syscall, 430, name, 0) is not None:
        found.append("fsopen")
    if attempt(syscall, 428, -100, root, 1) is not None:
        found.append("open_tree")
    return found
