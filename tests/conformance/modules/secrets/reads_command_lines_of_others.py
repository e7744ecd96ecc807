"""Learn from /proc which processes there are outside, and what they were started with."""

CONTROL = True


async def attack(agent, message, ctx, targets):
    found = []
    for pid in (targets["test_pid"], targets["victim"]):
        line = attempt(lambda pid=pid: open(f"/proc/{pid}/cmdline", "rb").read()) or b""
        if b"pytest" in line or b"time.sleep(3600)" in line:
            found.append(line[:100])
    return found
