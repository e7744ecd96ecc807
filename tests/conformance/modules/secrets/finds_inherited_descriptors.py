"""Find something open that is none of its business: a regular file, a listening socket, a terminal."""

import os
import socket
import stat


async def attack(agent, message, ctx, targets):
    found = []
    for number, target in descriptors().items():
        mode = os.fstat(number).st_mode
        if stat.S_ISREG(mode) and not target.startswith(("/memfd:", "/dev/")):
            found.append((number, target))
        elif stat.S_ISDIR(mode) or os.isatty(number):
            found.append((number, target))
        elif stat.S_ISSOCK(mode):
            with _contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
                if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    found.append((number, one.getsockname()))
    return found
