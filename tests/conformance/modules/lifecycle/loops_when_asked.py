"""Loop for ever when it is asked for an idea."""

ALONE = "loops"
EXPECT = "unresponsive"


async def attack(agent, message, ctx, targets):
    while True:
        pass
