"""Flood the host with requests, as fast as they can be written."""

import asyncio

ALONE = True
EXPECT = "contained|unresponsive|memory limit|lost|did not answer"


async def attack(agent, message, ctx, targets):
    link, me = connection(agent), agent.id.type
    for number in range(20_000):
        await link.send(raw_request("registry", "ColleagueRequest", b"{}", me))
        if number % 100 == 0:
            await asyncio.sleep(0)
