"""Open sockets that see or make any packet."""

import socket

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    kinds = [(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), (socket.AF_INET, socket.SOCK_RAW, 255)]
    kinds += [(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)]
    return [kind for kind in kinds if attempt(lambda kind=kind: socket.socket(*kind).close() or True)]
