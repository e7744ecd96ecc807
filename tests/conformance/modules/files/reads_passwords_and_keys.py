"""Read the machine's password hashes, and find something in the homes of its users."""

import os
import sys

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    found = []
    for path in ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh/ssh_host_ed25519_key"):
        with _contextlib.suppress(OSError), open(path, "rb") as file:
            found += [path] if file.read(1) else []
    interpreter = [part for prefix in (sys.prefix, sys.base_prefix, *sys.path) for part in prefix.split("/")]
    for home in ("/root", "/home"):
        found += [f"{home}/{name}" for name in attempt(os.listdir, home) or [] if name not in interpreter]
    return found
