"""Lie in the folder of modules as a hard link to a secret file, so that an error might quote it."""

PLACED = "hard link"
EXPECT = "no regular file of its own|is not the file that was checked|cannot be opened"


async def attack(agent, message, ctx, targets):
    return "it was loaded"
