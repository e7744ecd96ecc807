"""Ask the model gateway for what only the creator may ask of it, and pretend to be its request's child."""

import json


async def attack(agent, message, ctx, targets):
    order = {"messages": [], "template": "idea_agent", "facts": {}, "seed": 1}
    found = []
    for extra in ({}, {"parent": "r1"}, {"conversation": "c0001.1", "parent": "r2"}):
        for kind in ("FillTemplate", "Created", "RegistrySnapshot"):
            answer = await ask(
                agent, raw_request("model_gateway", kind, json.dumps(order).encode(), agent.id.type, **extra), 5
            )
            if answer is not None:
                found.append((kind, answer))
    return found
