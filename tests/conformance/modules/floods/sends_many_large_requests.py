"""Send 300 requests just below the limit of a message, to fill the host's memory."""

import asyncio

ALONE = "giants"
EXPECT = "contained|memory limit|lost|process ended|unresponsive"


async def attack(agent, message, ctx, targets):
    body = b'{"skill": "' + b"x" * 900_000 + b'"}'
    for _ in range(300):
        await connection(agent).send(raw_request("registry", "ColleagueRequest", body, agent.id.type))
        await asyncio.sleep(0)
    await asyncio.sleep(2)
