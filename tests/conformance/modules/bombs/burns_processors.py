"""Keep every processor busy from threads, while it goes on to answer."""

import asyncio
import hashlib
import threading

ALONE = True


async def attack(agent, message, ctx, targets):
    ended = threading.Event()

    def burn():
        while not ended.is_set():
            hashlib.pbkdf2_hmac("sha256", b"x", b"y", 200_000)  # without the interpreter's lock

    threads = [threading.Thread(target=burn, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    await asyncio.sleep(4)
    ended.set()
