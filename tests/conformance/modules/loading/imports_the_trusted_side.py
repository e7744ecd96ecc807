"""Import the trusted side's package, and what it has in memory."""

import importlib
import sys


async def attack(agent, message, ctx, targets):
    found = []
    for name in ("creator", "creator.world", "creator.settings"):
        with _contextlib.suppress(ImportError):
            found.append(importlib.import_module(name).__name__)
    return found + [name for name in sys.modules if name.split(".")[0] == "creator" and name not in found]
