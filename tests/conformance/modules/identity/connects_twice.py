"""Open a second stream with its own credential, to get another's answers or twice the rate."""

import asyncio

REFUSED = "second connection"


async def attack(agent, message, ctx, targets):
    link = connection(agent)
    call = link.stub.OpenChannel(metadata=link.metadata)
    await asyncio.wait_for(call.initial_metadata(), 3)
    await asyncio.sleep(0.2)
    accepted = not call.done()
    call.cancel()
    return "accepted" if accepted else None
