"""Read the kernel's memory, log, addresses and keys."""

CERTAIN = False


async def attack(agent, message, ctx, targets):
    import ctypes

    found = []
    for path in ("/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/sys/kernel/debug/sched/debug"):
        if attempt(lambda path=path: open(path, "rb").read(1)):
            found.append(path)
    with open("/proc/kallsyms", encoding="utf-8") as symbols:
        if int(symbols.readline().split()[0], 16):
            found.append("addresses")
    buffer = ctypes.create_string_buffer(64)
    if attempt(syscall, 103, 3, ctypes.addressof(buffer), 64):
        found.append("log")
    return found
