"""Tell the supervisor that the agent is registered before it is, and then never register it."""

import json
import os

WHEN = "import"
ALONE = "reports"
EXPECT = "not registered|no agent is named|RecipientNotFound|failed|report"


async def attack(agent, message, ctx, targets):
    import time

    report = json.dumps({"name": targets["me"], "state": "registered", "reason": ""}).encode()
    for number in reports():
        with _contextlib.suppress(OSError):
            os.write(number, report + b"\n")
    time.sleep(3_600)
