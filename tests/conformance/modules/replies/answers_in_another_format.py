"""Answer with bytes under another content type, and under the name of another class."""

import asyncio

ANSWERS = True
EXPECT = "cannot be read|not known"


async def attack(agent, message, ctx, targets):
    answer = raw_answer(ctx.message_id, "builtins.eval", b"__import__('os')", "application/x-protobuf")
    await connection(agent).send(answer)
    await asyncio.sleep(3_600)
