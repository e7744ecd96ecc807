"""Ask for more tokens, messages and schema than any request may have."""

import json


async def attack(agent, message, ctx, targets):
    one, deep = {"content": "x", "source": "x", "type": "UserMessage"}, {}
    for _ in range(300):
        deep = {"type": "object", "properties": {"x": deep}}
    bodies = [{"messages": [one], "max_tokens": 10**9}, {"messages": [one] * 5_000}, {"messages": []}]
    bodies += [{"messages": [one], "temperature": 1e308}, {"messages": [one], "surprise": 1}]
    bodies += [{"messages": [{**one, "type": "Nonsense"}]}, {"messages": [one], "json_schema": "x"}]
    found = []
    for body in bodies:
        answer = await ask(agent, raw_request("model_gateway", "ModelRequest", json.dumps(body).encode(), agent.id.type))
        if answer is not None:
            found.append((str(body)[:60], answer))
    await ask(agent, raw_request("model_gateway", "ModelRequest", json.dumps({"messages": [one], "json_schema": deep}).encode(), agent.id.type))
    return found
