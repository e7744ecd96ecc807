"""Open sockets below IP, which see the traffic of everybody on the machine."""

import socket

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    kinds = [(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)), (socket.AF_PACKET, socket.SOCK_DGRAM, 0)]
    return [kind for kind in kinds if attempt(lambda kind=kind: socket.socket(*kind).close() or True)]
