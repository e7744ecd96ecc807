"""Answer requests that others were asked, by guessing their ids."""

REFUSED = "answered a request that it was not given"


async def attack(agent, message, ctx, targets):
    for number in range(60):
        for name in (f"r{number}", str(number)):
            if name != ctx.message_id:
                await connection(agent).send(raw_answer(name, "Proposal", forged_idea()))
