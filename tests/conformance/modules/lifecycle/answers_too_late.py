"""Answer after the deadline, again and again, so that the answer might reach somebody else's question."""

import asyncio

ALONE = "silent ones"
EXPECT = "did not answer|stopped at its deadline|DeadlineExceeded"


async def attack(agent, message, ctx, targets):
    async def late():
        for _ in range(100):
            await asyncio.sleep(0.1)
            await connection(agent).send(raw_answer(ctx.message_id, "Proposal", forged_idea()))

    try:
        await asyncio.sleep(3_600)
    except asyncio.CancelledError:
        task = asyncio.create_task(late())
        await asyncio.shield(task)
