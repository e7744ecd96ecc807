"""Open for writing what rules the machine: core patterns, sysrq, modules, cgroups (nothing is written)."""

import glob
import os
import stat

CONTROL = "root"

PATHS = ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches"]
PATHS += ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper"]
PATHS += ["/sys/power/state", "/proc/sys/kernel/randomize_va_space", "/proc/1/oom_score_adj", "/proc/1/clear_refs"]
PATHS += ["/proc/kcore", "/proc/timer_list", "/sys/fs/cgroup/cgroup.procs", "/proc/acpi", "/proc/mtrr"]


async def attack(agent, message, ctx, targets):
    found = []
    for path in [*PATHS, *glob.glob("/sys/fs/cgroup/*/cgroup.procs"), *glob.glob("/sys/fs/cgroup/*/release_agent")]:
        with _contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_WRONLY)
            found += [path] if stat.S_ISREG(os.fstat(descriptor).st_mode) else []  # else it is masked
            os.close(descriptor)
    return found
