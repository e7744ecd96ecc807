"""Send a datagram to a UDP port of the host; that it was sent says nothing, so the test looks whether it came."""

import socket

CONTROL = True


async def attack(agent, message, ctx, targets):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(targets["me"].encode(), ("127.0.0.1", targets["udp"]))
    return None if agent is not None else "sent"
