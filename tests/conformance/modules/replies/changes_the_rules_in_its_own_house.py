"""Change the kit, the messages and the runtime in its own process, so that nothing is checked there any more."""

import asyncio
import sys

ANSWERS = True
EXPECT = "cannot be read|limit|bytes|not known|raised"


async def attack(agent, message, ctx, targets):
    from sandbox import kit

    for module in [module for name, module in sys.modules.items() if name.startswith("sandbox")]:
        for name, value in list(vars(module).items()):
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                setattr(module, name, 10**9)
    runtime = agent.runtime
    for name, value in list(vars(runtime).items()):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            setattr(runtime, name, 10**9)
    kit.chance = lambda probability: 1 / 0
    type(runtime).send_message = None
    kit.Proposal.__pydantic_validator__ = None
    await connection(agent).send(raw_answer(ctx.message_id, "Proposal", forged_idea("x" * 10_000)))
    await asyncio.sleep(3_600)
