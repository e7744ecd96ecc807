"""Loop for ever while the agent is made."""

WHEN = "constructor"
ALONE = "loops at birth"
EXPECT = "not registered within"


async def attack(agent, message, ctx, targets):
    while True:
        pass
