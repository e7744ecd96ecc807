"""Send requests of 5 and of 100 MB past the limit of its own runtime."""

import asyncio

ALONE = "giants"
EXPECT = "contained|memory limit|lost|went away|process ended|unresponsive"


async def attack(agent, message, ctx, targets):
    found = []
    for size in (5_000_000, 100_000_000):
        body = b'{"skill": "' + b"x" * size + b'"}'
        found.append(await ask(agent, raw_request("registry", "ColleagueRequest", body, agent.id.type), 3))
        await asyncio.sleep(0)
    return [one for one in found if one]
