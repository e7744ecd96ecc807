"""Answer with an object that nobody knows how to write or read."""

import dataclasses

ANSWERS = True
EXPECT = "^it raised"


@dataclasses.dataclass
class Surprise:
    payload: object = dataclasses.field(default_factory=lambda: open)


async def attack(agent, message, ctx, targets):
    return Surprise()
