"""Connect to a unix socket without a file, which only a network namespace of one's own keeps away."""

import socket

CONTROL = True


async def attack(agent, message, ctx, targets):
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(3)
        one.connect("\0" + targets["abstract"])
        one.sendall(targets["me"].encode())
    return "connected"
