"""Write a module of its own, and change a colleague's, in the run's folder of modules."""

import os


async def attack(agent, message, ctx, targets):
    folder = os.path.dirname(os.path.abspath(__file__))
    found = []
    for name, mode in (("json.py", "x"), (f"{targets['honest']}.json", "a"), (f"{targets['honest']}.py", "r+")):
        with _contextlib.suppress(OSError), open(os.path.join(folder, name), mode, encoding="utf-8") as file:
            file.write("")
            found.append(name)
    if "json.py" in found:
        os.unlink(os.path.join(folder, "json.py"))
    for action in (os.chmod, lambda path, mode: os.utime(path)):
        with _contextlib.suppress(OSError):
            action(__file__, 0o644)
            found.append("its own mode or time")
    return found
