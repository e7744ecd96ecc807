"""Ask in the name of a colleague, of the creator, and of nobody."""

REFUSED = "honest_ada|may not send|sender"


async def attack(agent, message, ctx, targets):
    found = []
    for source in (targets["honest"], "creator", "supervisor", "world", None):
        answer = await ask(agent, raw_request("registry", "ColleagueRequest", b"{}", source))
        if answer is not None:
            found.append((source, answer))
    return found
