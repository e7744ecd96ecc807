"""Start threads without end; the test stops at 600 of them."""

import threading

ALONE = True
EXPECT = "contained|process ended|did not answer"


async def attack(agent, message, ctx, targets):
    release = threading.Event()
    threading.stack_size(64 << 10)
    threads = []
    try:
        for _ in range(600):
            thread = threading.Thread(target=release.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError as error:
        NOTES.append(f"{error} after {len(threads)}")
    finally:
        release.set()
    return f"{len(threads)} threads" if len(threads) >= 600 else None
