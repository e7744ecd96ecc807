"""Be named like a module of the standard library, to be imported in its place by others and by itself."""

import importlib
import sys

PERSONA = "colorsys"


async def attack(agent, message, ctx, targets):
    sys.modules.pop("colorsys", None)
    loaded = importlib.import_module("colorsys")
    return None if hasattr(loaded, "rgb_to_hls") else f"{loaded.__name__} was shadowed"
