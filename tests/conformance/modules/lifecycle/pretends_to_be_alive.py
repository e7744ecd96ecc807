"""Send signs of life from a thread while the agent itself hangs in an endless loop."""

import os
import threading
import time

ALONE = "loops"
EXPECT = "did not answer|stopped at its deadline|unresponsive|DeadlineExceeded"


async def attack(agent, message, ctx, targets):
    numbers = reports()

    def beat():
        while True:
            time.sleep(0.2)
            for number in numbers:
                with _contextlib.suppress(OSError):
                    os.write(number, b".\n")

    threading.Thread(target=beat, daemon=True).start()
    while True:
        time.sleep(0.01)
