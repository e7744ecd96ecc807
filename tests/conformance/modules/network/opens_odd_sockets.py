"""Open sockets of kinds that have had holes: netlink filters, Bluetooth, CAN, kernel crypto, key management."""

import socket

FAMILIES = {"netlink filter": (16, 3, 12), "alg": (38, 5, 0), "can": (29, 3, 1), "bluetooth": (31, 3, 1), "key": (15, 3, 2)}
FAMILIES |= {"tipc": (30, 1, 0), "rds": (21, 5, 0), "xdp": (44, 3, 0), "smc": (43, 1, 0), "qipcrtr": (42, 2, 0)}

CERTAIN = False


async def attack(agent, message, ctx, targets):
    return [name for name, kind in FAMILIES.items() if attempt(lambda k=kind: socket.socket(*k).close() or True)]
