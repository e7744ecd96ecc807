"""Answer with an idea whose parts are numbers, lists and nulls, and with fields that there are not."""

import asyncio
import json

ANSWERS = True
EXPECT = "cannot be read"


async def attack(agent, message, ctx, targets):
    idea = {"title": ["x"], "problem": 5, "customer": None, "solution": {}, "revenue_model": True, "author": "honest_ada"}
    body = json.dumps({"idea": idea, "author": targets["honest"]}).encode()
    await connection(agent).send(raw_answer(ctx.message_id, "Proposal", body))
    await asyncio.sleep(3_600)
