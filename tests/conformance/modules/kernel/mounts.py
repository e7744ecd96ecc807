"""Mount a file system, in a mount namespace of its own so that nobody else is disturbed."""

import tempfile

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    new_namespace, private = 0x20000, (1 << 18) | 0x4000
    folder = tempfile.gettempdir().encode()
    attempt(syscall, 272, new_namespace)
    if attempt(lambda: libc.mount(b"none", b"/", None, private, None)) != 0:
        raise PermissionError("the mount of / cannot be changed")
    if libc.mount(b"none", folder, b"tmpfs", 0, None) == 0:
        libc.umount2(folder, 2)
        return "mounted"
