"""Answer with JSON so deep that a parser may overflow."""

import asyncio

ANSWERS = True
EXPECT = "cannot be read"


async def attack(agent, message, ctx, targets):
    body = b'{"idea": ' + b'{"x":' * 100_000 + b"1" + b"}" * 100_001
    await connection(agent).send(raw_answer(ctx.message_id, "Proposal", body))
    await asyncio.sleep(3_600)
