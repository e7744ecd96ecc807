"""Resolve a host name by way of the system's resolver, which tells the world what it is asked."""

import socket


async def attack(agent, message, ctx, targets):
    found = []
    for name in ("example.org", f"{targets['mark']}.example.org"):
        with _contextlib.suppress(OSError):
            found.append(socket.getaddrinfo(name, 80)[0][4])
    return found
