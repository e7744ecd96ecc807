"""Lie in the folder of modules as a symbolic link."""

PLACED = "symlink"
EXPECT = "cannot be opened"


async def attack(agent, message, ctx, targets):
    return "it was loaded"
