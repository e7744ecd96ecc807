"""Answer with None."""

ANSWERS = True
EXPECT = "^it raised .*None"


async def attack(agent, message, ctx, targets):
    return None
