"""Loop for ever while it is imported."""

WHEN = "import"
ALONE = "loops at birth"
EXPECT = "not registered within"


async def attack(agent, message, ctx, targets):
    while True:
        pass
