"""Send JSON so deep that a parser may overflow, as a request."""


async def attack(agent, message, ctx, targets):
    found = []
    for depth in (1_000, 100_000, 400_000):
        for left, right in ((b"[", b"]"), (b'{"x":', b"}")):
            body = b'{"skill": ' + left * depth + b"1" + right * depth + b"}"
            if len(body) < 1_000_000:
                answer = await ask(agent, raw_request("registry", "ColleagueRequest", body, agent.id.type))
                found += [answer] if answer is not None else []
    return found
