"""Make files and folders in a folder of the host that everybody may write to, also by climbing up to it."""

import os

CONTROL = True


async def attack(agent, message, ctx, targets):
    climbing = "../" * 40 + targets["drop"].lstrip("/")
    attempt(os.mkdir, f"{targets['drop']}/{targets['me']}.folder")
    attempt(os.symlink, "/", f"{targets['drop']}/{targets['me']}.link")
    with open(f"{climbing}/{targets['me']}.txt", "w", encoding="utf-8") as file:
        file.write("x")
    return "made it"
