"""Be loaded while only half of it is written."""

PLACED = "truncated"
EXPECT = "is not the file that was checked"


async def attack(agent, message, ctx, targets):
    return "it was loaded"
