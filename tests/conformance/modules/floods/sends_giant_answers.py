"""Answer with 5 MB, past every limit of its own runtime."""

import asyncio

ALONE = "giants"
ANSWERS = True
EXPECT = "limit|lost|went away|process ended|did not answer|bytes"


async def attack(agent, message, ctx, targets):
    await connection(agent).send(raw_answer(ctx.message_id, "Proposal", forged_idea("x" * 1_000_000)))
    await asyncio.sleep(3_600)
