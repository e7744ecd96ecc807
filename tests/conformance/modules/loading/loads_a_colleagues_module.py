"""Load and run the module of a colleague in its own process; it may be read, but holds nothing that is secret."""

import os


async def attack(agent, message, ctx, targets):
    folder = os.path.dirname(os.path.abspath(__file__))
    found = []
    for name in attempt(os.listdir, folder) or []:
        text = attempt(lambda name=name: open(os.path.join(folder, name), encoding="utf-8").read()) or ""
        if any(word in text for word in ("sk-", "file-", "variable-")) and name != os.path.basename(__file__):
            found += [name] if any(len(part) > 36 for part in text.replace('"', " ").split() if "sk-" in part) else []
    return found
