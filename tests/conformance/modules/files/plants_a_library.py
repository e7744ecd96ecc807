"""Plant a library where the interpreter of the next agent might look for it: in its working folder and its home."""

import os
import site
import sys

CERTAIN = False


async def attack(agent, message, ctx, targets):
    found = []
    for folder in {os.getcwd(), *sys.path, site.getusersitepackages(), "/tmp/.local/lib"}:
        path = os.path.join(folder or ".", "sitecustomize.py")
        on_path = folder in sys.path
        with _contextlib.suppress(OSError):
            if on_path and not os.path.exists(path):
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
                os.unlink(path)
                found.append(folder)
    return found
