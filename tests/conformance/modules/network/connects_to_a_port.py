"""Connect to a TCP port of the host by its loopback address."""

import socket

CONTROL = True


async def attack(agent, message, ctx, targets):
    with socket.create_connection(("127.0.0.1", targets["tcp"]), 3) as one:
        one.sendall(targets["me"].encode())
    return "connected"
