"""Open files without end, up to 2,000."""

import os


async def attack(agent, message, ctx, targets):
    opened = []
    try:
        with _contextlib.suppress(OSError):
            for _ in range(2_000):
                opened.append(os.open("/dev/null", os.O_RDONLY))
        return f"{len(opened)} files" if len(opened) >= 2_000 else None
    finally:
        for descriptor in opened:
            os.close(descriptor)
