"""Ask a colleague for an idea without having been asked itself, with a hop count and a chain of its own making."""

import asyncio
import contextvars

WHEN = "hello"
REFUSED = "may send to a colleague only while"


async def attack(agent, message, ctx, targets):
    forged = {"conversation": "c0001.1", "chain": "", "hop": "-9", "parent": ""}
    for metadata in ({}, forged, {"parent": "r5"}, {"timeout": "nan"}):
        request = raw_request(targets["honest"], "ProposeRequest", b'{"objective": "x"}', agent.id.type, **metadata)
        answer = await ask(agent, request, 2)
        if answer is not None:
            return answer
    # And once the greeting is answered, there is nothing that could be a request's parent.
    late = raw_request(targets["honest"], "ProposeRequest", b'{"objective": "x"}', agent.id.type)

    async def later():
        await asyncio.sleep(0.5)
        await ask(agent, late, 1)

    contextvars.Context().run(asyncio.create_task, later())
