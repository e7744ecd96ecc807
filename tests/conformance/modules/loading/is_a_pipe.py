"""Lie in the folder of modules as a pipe that is never written to."""

PLACED = "fifo"
ALONE = "loops at birth"
EXPECT = "is no regular file|not registered within|cannot be opened"


async def attack(agent, message, ctx, targets):
    return "it was loaded"
