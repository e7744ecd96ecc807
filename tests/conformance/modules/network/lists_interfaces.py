"""List the machine's network interfaces and routes."""

import socket

CONTROL = True


async def attack(agent, message, ctx, targets):
    names = {name for _, name in attempt(socket.if_nameindex) or []}
    lines = attempt(lambda: open("/proc/net/dev", encoding="utf-8").read().splitlines()[2:]) or []
    names |= {line.split(":")[0].strip() for line in lines}
    return sorted(names - {"lo"})
