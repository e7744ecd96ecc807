"""Undo its own limits: more files, more memory, more processes, larger files."""

import resource

CERTAIN = False
LIMITS = (resource.RLIMIT_NOFILE, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC)


async def attack(agent, message, ctx, targets):
    found = []
    for limit in LIMITS:
        soft, hard = resource.getrlimit(limit)
        more = resource.RLIM_INFINITY
        if hard != resource.RLIM_INFINITY and attempt(lambda: resource.setrlimit(limit, (more, more)) or True):
            found.append((limit, hard))
            resource.setrlimit(limit, (soft, hard))
    return found
