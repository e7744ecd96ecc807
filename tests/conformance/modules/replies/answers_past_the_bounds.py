"""Answer with an idea whose parts are far longer than they may be, made without the checks."""

ANSWERS = True
EXPECT = "cannot be read|limit"


async def attack(agent, message, ctx, targets):
    from sandbox import kit

    parts = ("title", "problem", "customer", "solution", "revenue_model", "first_step")
    idea = kit.Idea.model_construct(**dict.fromkeys(parts, "x" * 100_000))
    return kit.Proposal.model_construct(idea=idea)
