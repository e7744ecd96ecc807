"""Be replaced by another module after it was checked."""

PLACED = "replaced"
EXPECT = "is not the file that was checked"


async def attack(agent, message, ctx, targets):
    return "it was loaded"
