"""Run programs: a shell, the interpreter, by the loader, from memory."""

import os
import subprocess
import sys

CONTROL = True


def from_memory():
    descriptor = os.memfd_create("program")
    with open("/bin/true", "rb") as program:
        os.write(descriptor, program.read())
    return subprocess.run([f"/proc/self/fd/{descriptor}"], pass_fds=[descriptor], check=True)


async def attack(agent, message, ctx, targets):
    loader = "/lib64/ld-linux-x86-64.so.2"
    found = []
    for name, action in (
        ("program", lambda: subprocess.run(["/bin/true"], check=True)),
        ("shell", lambda: subprocess.run("exit 0", shell=True, check=True)),
        ("interpreter", lambda: subprocess.run([sys.executable, "-S", "-c", ""], check=True)),
        ("loader", lambda: subprocess.run([loader, "/bin/true"], check=True)),
        ("spawn", lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1] == 0 or 1 / 0),
        ("memory", from_memory),
    ):
        if attempt(lambda action=action: action() or True):
            found.append(name)
    return found
