"""Be so large that reading it costs more than an agent is worth."""

PLACED = "padded"
EXPECT = "is larger than"


async def attack(agent, message, ctx, targets):
    return "it was loaded"
