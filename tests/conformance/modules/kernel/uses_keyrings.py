"""Keep something in the kernel's keyrings, which namespaces do not divide."""

import ctypes

CERTAIN = False


async def attack(agent, message, ctx, targets):
    kind, name, text = (ctypes.c_char_p(part) for part in (b"user", targets["mark"].encode(), b"x"))
    process_keyring, user_keyring, revoke = -2, -4, 3
    found = []
    for ring in (process_keyring, user_keyring):
        key = attempt(syscall, 248, kind, name, text, 1, ring)
        if key is not None:
            found.append((ring, key))
            attempt(syscall, 250, revoke, key)
    return found
