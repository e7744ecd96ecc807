"""System calls by seccomp: what an agent never needs, and could reach others or the kernel with, is refused.

A list of what is refused, not of what is allowed: what CPython, gRPC and the C library call differs between their
versions. Numbers above the last one that was considered do not exist for a cell. A refused call fails with EPERM.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Collection
from typing import Final

from sandbox.confinement import bpf
from sandbox.confinement.bpf import ALLOW, KILL_PROCESS, Body, Instruction, if_any_bit, if_equal, load_argument
from sandbox.confinement.kernel import gain_no_privileges, system_call
from sandbox.confinement.system_calls import LAST_NUMBER, Architecture, this_architecture

REFUSE: Final = bpf.fail(errno.EPERM)
UNKNOWN: Final = bpf.fail(errno.ENOSYS)

_X32_BIT: Final = 0x40000000

_SET_MODE_FILTER: Final = 1
_THREADS_TOO: Final = 1  # SECCOMP_FILTER_FLAG_TSYNC

_CLONE_THREAD: Final = 0x00010000
_CLONE_NAMESPACES: Final = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET

_AF_UNIX: Final = 1
_SOCK_STREAM, _SOCK_DGRAM, _SOCK_SEQPACKET = 1, 2, 5
_SOCKET_TYPE: Final = 0xF  # the rest are flags

# PR_SET_PDEATHSIG, PR_SET_DUMPABLE and PR_SET_PTRACER: how this process ends with its parent, and who may look into it.
_PRCTL_REFUSED: Final = (1, 4, 0x59616D61)
# F_SETOWN, F_SETSIG and F_SETOWN_EX: have the kernel send any signal to another process.
_FCNTL_REFUSED: Final = (8, 10, 15)
# TIOCSTI and TIOCLINUX type into a terminal; FIOSETOWN and SIOCSPGRP are F_SETOWN.
_IOCTL_REFUSED: Final = (0x5412, 0x541C, 0x8901, 0x8902)
# As it is, and the question which it is.
_PERSONALITIES: Final = (0, 0xFFFFFFFF)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OTHER_PROCESSES: Final = _words(
    """
    execve execveat fork vfork setpgid setsid tkill pidfd_open pidfd_send_signal pidfd_getfd
    ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp move_pages migrate_pages
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler setpriority ioprio_set
    """
)
"""To start them, leave their group, signal them, look into them, and compete with them."""

_SHARED_BETWEEN_PROCESSES: Final = _words(
    """
    shmget shmat shmctl shmdt semget semop semtimedop semctl msgget msgsnd msgrcv msgctl
    mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr add_key request_key keyctl
    """
)
"""What all processes of a user find by a number or a name that is no file's."""

_USERS: Final = _words("setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset")

_NAMESPACES_AND_MOUNTS: Final = _words(
    """
    unshare setns mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick
    mount_setattr statmount listmount
    """
)

_FILES_PAST_LANDLOCK: Final = _words(
    """
    name_to_handle_at open_by_handle_at mknod mknodat fanotify_init fanotify_mark
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat file_setattr
    setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat
    """
)
"""Landlock does not guard modes, owners, times and attributes, and a file may be the user's own."""

_LARGE_KERNEL_PARTS: Final = _words(
    """
    bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register modify_ldt uselib
    memfd_create memfd_secret
    """
)
"""Seldom needed, and often at fault; what io_uring does, no filter sees, and memory in files is nobody's."""

_MACHINE: Final = _words(
    """
    init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff sethostname setdomainname
    acct quotactl quotactl_fd syslog settimeofday clock_settime adjtimex clock_adjtime iopl ioperm vhangup nfsservctl
    lookup_dcookie
    """
)

_NEW_CONNECTIONS: Final = _words("socket bind listen connect")

REFUSED: Final = (
    _OTHER_PROCESSES
    | _SHARED_BETWEEN_PROCESSES
    | _USERS
    | _NAMESPACES_AND_MOUNTS
    | _FILES_PAST_LANDLOCK
    | _LARGE_KERNEL_PARTS
    | _MACHINE
)
"""Refused whatever the arguments."""


def refuse_system_calls(*, sockets: bool = True) -> bool:
    """Give up, for all threads of this process and for ever, the system calls that an agent never needs.

    May be called again to give up more. Needs no privilege; sets ``no_new_privs``, even when the filter is not taken.

    Args:
        sockets: Whether new sockets, of the Unix domain only, may still be opened and connected. Without, those that
            are open go on working, and so do connected pairs of streams.

    Returns:
        Whether the filter is in force. False where this is not Linux or an architecture that is not known here, where
        the kernel refuses, and where another thread has a filter of its own.
    """
    architecture = this_architecture()
    if architecture is None or not gain_no_privileges():
        return False
    program = bpf.assemble(filter_program(architecture, os.getpid(), sockets=sockets))
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // struct.calcsize("<HBBI"), ctypes.addressof(instructions))
    buffer = ctypes.create_string_buffer(header, len(header))
    number = architecture.numbers["seccomp"]
    return system_call(number, _SET_MODE_FILTER, _THREADS_TOO, ctypes.addressof(buffer)) == 0


def filter_program(architecture: Architecture, pid: int, *, sockets: bool) -> list[Instruction]:
    """The filter of a process.

    Args:
        architecture: Whose numbers to use.
        pid: The process's own id, the only one that it may signal.
        sockets: Whether new sockets may be opened.
    """
    numbers = architecture.numbers
    judged = _judged(pid, sockets=sockets)
    return [
        bpf.LOAD_ARCHITECTURE,
        # Elsewhere the same numbers mean other calls; a process of ours has no reason to make any of those.
        *bpf.unless_equal(architecture.audit, [KILL_PROCESS]),
        bpf.LOAD_NUMBER,
        *bpf.if_greater(_X32_BIT - 1, [REFUSE]),
        *bpf.if_greater(LAST_NUMBER, [UNKNOWN]),
        *(step for name, body in judged.items() if name in numbers for step in if_equal(numbers[name], body)),
        ALLOW,
    ]


def _judged(pid: int, *, sockets: bool) -> dict[str, Body]:
    """What comes of each system call that is not simply allowed."""
    refused = REFUSED if sockets else REFUSED | _NEW_CONNECTIONS
    examined: dict[str, Body] = {
        "clone": _only_threads(),
        "clone3": [UNKNOWN],  # its flags lie in memory, where no filter sees them; the C library then takes clone
        "kill": _only(0, [pid]),
        "tgkill": _only(0, [pid]),
        "rt_sigqueueinfo": _only(0, [pid]),
        "rt_tgsigqueueinfo": _only(0, [pid]),
        "prlimit64": _only(0, [0, pid]),
        "personality": _only(0, _PERSONALITIES),
        "prctl": _all_but(0, _PRCTL_REFUSED),
        "fcntl": _all_but(1, _FCNTL_REFUSED),
        "ioctl": _all_but(1, _IOCTL_REFUSED),
        "socket": _unix_socket([_SOCK_STREAM, _SOCK_DGRAM, _SOCK_SEQPACKET]),
        # A pair of datagram sockets could send to any address, which lies in memory.
        "socketpair": _unix_socket([_SOCK_STREAM, _SOCK_SEQPACKET]),
    }
    return {**examined, **{name: [REFUSE] for name in sorted(refused)}}


def _only(argument: int, values: Collection[int]) -> Body:
    return [*load_argument(argument), *if_equal(values, [ALLOW]), REFUSE]


def _all_but(argument: int, values: Collection[int]) -> Body:
    return [*load_argument(argument), *if_equal(values, [REFUSE]), ALLOW]


def _only_threads() -> Body:
    return [*load_argument(0), *if_any_bit(_CLONE_NAMESPACES, [REFUSE]), *if_any_bit(_CLONE_THREAD, [ALLOW]), REFUSE]


def _unix_socket(types: Collection[int]) -> Body:
    of_these_types = [*load_argument(1, _SOCKET_TYPE), *if_equal(types, [ALLOW]), REFUSE]
    return [*load_argument(0), *if_equal(_AF_UNIX, of_these_types), REFUSE]
