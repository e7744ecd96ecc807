"""Answer with an idea that is no valid Unicode, by bytes that no JSON writer makes."""

import asyncio

ANSWERS = True
EXPECT = "cannot be read|^answered: "


async def attack(agent, message, ctx, targets):
    body = forged_idea("TITLE").replace(b"TITLE", b"a\\ud800b\\u0000c\\udfff")
    await connection(agent).send(raw_answer(ctx.message_id, "Proposal", body))
    await asyncio.sleep(3_600)
