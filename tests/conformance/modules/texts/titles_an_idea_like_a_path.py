"""Write an idea whose title would be a path outside of the run's folder."""

ANSWERS = True
EXPECT = "^answered: "


async def attack(agent, message, ctx, targets):
    from sandbox import kit

    title = f"../../../../../..{targets['drop']}/{targets['me']}"[:200]
    return kit.Proposal(
        idea=kit.Idea(title=title, problem="\0", customer="x", solution="x", revenue_model="x", first_step="x")
    )
