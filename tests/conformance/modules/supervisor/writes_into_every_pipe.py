"""Write garbage into every pipe that it has inherited, whoever reads it: what starts cells may stumble over it."""

import os

ALONE = True
EXPECT = "."


async def attack(agent, message, ctx, targets):
    for number in reports():
        os.set_blocking(number, False)
        with _contextlib.suppress(OSError):
            os.write(number, b"\xff" * 4_000)
