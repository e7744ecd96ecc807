"""Answer one request thousands of times, first with one idea, then with another."""

REFUSED = "answered a request that it was not given"


async def attack(agent, message, ctx, targets):
    await connection(agent).send(raw_answer(ctx.message_id, "Proposal", forged_idea("contained")))
    for _ in range(3_000):
        await connection(agent).send(raw_answer(ctx.message_id, "Proposal", forged_idea()))
