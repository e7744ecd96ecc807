"""Tell the supervisor to stop a colleague's cell and to start another, and report a colleague's death to the creator."""

REFUSED = "may not send to 'supervisor'"


async def attack(agent, message, ctx, targets):
    import json

    name, me = targets["honest"], agent.id.type
    start = {"name": me, "sha256": "0" * 64, "credential": "x", "seed": 1, "deadline": 5}
    report = {"name": name, "state": "exited", "reason": "FORGED"}
    found = []
    for target, kind, body in (
        ("supervisor", "StopCell", {"name": name}),
        ("supervisor", "StartCell", start),
        ("creator", "CellReport", report),
        ("creator", "CreateAgent", {"brief": {}, "seed": 1, "attempt": 1}),
    ):
        for source in (me, "creator"):
            answer = await ask(agent, raw_request(target, kind, json.dumps(body).encode(), source))
            if answer is not None:
                found.append((target, kind, answer))
    return found
