"""Answer a request for an idea with a message of the protocol that is no idea."""

ANSWERS = True
EXPECT = "something else than a proposal"


async def attack(agent, message, ctx, targets):
    from sandbox import kit

    return kit.Introduction(name="creator", sector="x")
