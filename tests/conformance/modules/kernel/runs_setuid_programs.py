"""Run programs that make their caller root, and see whether they still do."""

import os
import subprocess

CERTAIN = False


async def attack(agent, message, ctx, targets):
    if os.geteuid() == 0 and not os.path.exists("/proc/1/root/nowhere"):
        with open("/proc/self/uid_map", encoding="ascii") as file:
            if file.read().split() == ["0", "0", "4294967295"]:
                return "it is root already"
    found = []
    for command in (["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["mount"], ["newgrp"], ["pkexec", "id", "-u"]):
        with _contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(command, capture_output=True, text=True, timeout=3, stdin=subprocess.DEVNULL)
            if done.stdout.strip() == "0":
                found.append(command)
    return found
