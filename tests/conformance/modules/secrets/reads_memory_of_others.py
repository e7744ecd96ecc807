"""Read the memory of its parent, its siblings, the supervisor and the test through /proc."""

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    found = []
    for pid in relatives(targets):
        with _contextlib.suppress(OSError, ValueError, StopIteration):
            with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
                start = next(int(line.split("-")[0], 16) for line in maps if " rw" in line)
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(start)
                found += [pid] if memory.read(16) else []
    return found
