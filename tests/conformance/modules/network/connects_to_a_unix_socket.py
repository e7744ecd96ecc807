"""Connect to a unix socket that lies in the host's file system."""

import socket

CONTROL = True


async def attack(agent, message, ctx, targets):
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(3)
        one.connect(targets["unix"])
        one.sendall(targets["me"].encode())
    return "connected"
