"""Open devices: disks, memory, terminals, keyboards, virtual machines, network tunnels, file systems of its own."""

import glob
import os

CONTROL = "root"

# Only what takes no harm from being opened and closed: a watchdog or a tape would.
NAMES = ["mem", "port", "kmsg", "kvm", "fuse", "net/tun", "loop-control", "loop[0-9]", "sd[a-z]", "vd[a-z]", "nvme*n1"]
NAMES += ["dm-[0-9]", "vcs*", "tty[0-9]", "input/event*", "dri/*", "vhost-net", "vsock", "userfaultfd", "uinput"]


async def attack(agent, message, ctx, targets):
    found = []
    for path in (path for name in NAMES for path in glob.glob(f"/dev/{name}")):
        with _contextlib.suppress(OSError):
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))
            found.append(path)
    return found
