"""Loop for ever when it is greeted."""

WHEN = "hello"
ALONE = "loops at birth"
EXPECT = "unresponsive|Hello"


async def attack(agent, message, ctx, targets):
    while True:
        pass
