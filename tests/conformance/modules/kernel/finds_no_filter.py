"""Find that nothing was taken from it: no filter of system calls, new privileges by a program's mode."""

CONTROL = True


async def attack(agent, message, ctx, targets):
    with open("/proc/self/status", encoding="utf-8") as file:
        status = {name: value.strip() for name, value in (line.split(":", 1) for line in file)}
    wanted = {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0" * 16, "CapBnd": "0" * 16, "CapAmb": "0" * 16}
    if agent is not None and status["CapEff"] == "0" * 16:
        del wanted["CapBnd"]  # without any, and with no way to new ones, the bound says nothing
    return [(name, status[name]) for name, value in wanted.items() if status.get(name) != value]
