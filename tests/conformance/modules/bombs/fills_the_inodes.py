"""Make empty files without end; the test stops at 12,000, and leaves them there while others are born."""

import os
import tempfile

ALONE = True


async def attack(agent, message, ctx, targets):
    made, folder = 0, tempfile.mkdtemp(prefix=targets["mark"])
    with _contextlib.suppress(OSError):
        for made in range(1, 12_001):
            os.close(os.open(os.path.join(folder, str(made)), os.O_CREAT | os.O_WRONLY, 0o600))
    NOTES.append(f"{made} files")
    return f"{made} files" if made >= 12_000 else None
