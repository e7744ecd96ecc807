"""Make a userfaultfd, the usual helper of those who attack the kernel."""

CONTROL = "root"


async def attack(agent, message, ctx, targets):
    descriptors = [attempt(syscall, 323, flags) for flags in (0, 1)]
    return [one for one in descriptors if one is not None]
