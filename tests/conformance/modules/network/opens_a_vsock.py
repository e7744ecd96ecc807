"""Open a socket to the hypervisor or to the machine's other guests."""

import socket

CERTAIN = False


async def attack(agent, message, ctx, targets):
    with socket.socket(getattr(socket, "AF_VSOCK", 40), socket.SOCK_STREAM) as one:
        return f"opened {one.fileno()}"
