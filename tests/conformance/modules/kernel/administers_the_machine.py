"""Ask the kernel for what only its administrator may ask, with arguments that make no sense, so that nothing happens."""

import errno

CONTROL = "root"

CALLS = {"reboot": (169, 0, 0, 0), "sethostname": (170, 0, -1), "swapon": (167, 0, 0), "init_module": (175, 0, 0, 0)}
CALLS |= {"settimeofday": (164, 1, 0), "kexec": (246, 0, 99, 0, 0xFFFF), "iopl": (172, 4)}
DENIED = (errno.EPERM, errno.EACCES, errno.ENOSYS)


async def attack(agent, message, ctx, targets):
    found = []
    for name in ("reboot", "sethostname", "init_module"):
        try:
            syscall(*CALLS[name])
            found.append(name)
        except OSError as error:
            if error.errno not in DENIED:
                found.append((name, error.strerror))
    return found
