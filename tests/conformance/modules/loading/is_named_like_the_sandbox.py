"""Be named like the package that runs it, and like its libraries."""

import importlib
import sys

PERSONA = "sandbox"


async def attack(agent, message, ctx, targets):
    found = []
    for name in ("sandbox", "autogen_core", "sandbox.kit"):
        file = getattr(importlib.import_module(name), "__file__", "")
        if "/agents/" in file or file == __file__:
            found.append(name)
    for name in ("generated_agents", targets["honest"]):
        with _contextlib.suppress(ImportError):
            found.append(f"{importlib.import_module(name)}")
    return [name for name in found if targets["me"] not in name] + [p for p in sys.path if p.endswith("agents")]
