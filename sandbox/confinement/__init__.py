"""What a cell gives up before it runs a line that an agent wrote: users, limits, system calls, files.

All of it can only be tightened afterwards, by nobody undone, and binds the calling process alone. What the kernel does
not offer is passed over; a result says so where it matters.
"""

from sandbox.confinement.kernel import drop_all_capabilities
from sandbox.confinement.landlock import landlock_abi, restrict_files
from sandbox.confinement.limits import (
    CPU_SECONDS,
    become,
    confine_process,
    ignore_terminal,
    limit_resources,
)
from sandbox.confinement.seccomp import refuse_system_calls

__all__ = [
    "CPU_SECONDS",
    "become",
    "confine_process",
    "drop_all_capabilities",
    "ignore_terminal",
    "landlock_abi",
    "limit_resources",
    "refuse_system_calls",
    "restrict_files",
]
