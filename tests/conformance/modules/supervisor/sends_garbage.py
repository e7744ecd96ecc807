"""Send the supervisor garbage in the place of its first report."""

import os

WHEN = "import"
ALONE = "reports"
EXPECT = "."


async def attack(agent, message, ctx, targets):
    for number in reports():
        os.set_blocking(number, False)
        with _contextlib.suppress(OSError):
            os.write(number, b"\0\0\0\x08garbage!" + os.urandom(4_000) + b"\n" * 100)
