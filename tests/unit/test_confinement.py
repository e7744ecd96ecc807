"""What a cell gave up is refused by the kernel, what it still needs goes on working, and both differ from before."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc.aio
import pytest

from sandbox.confinement import landlock_abi, refuse_system_calls, restrict_files
from sandbox.confinement.bpf import Instruction, if_equal, load_argument
from sandbox.confinement.seccomp import REFUSED, filter_program
from sandbox.confinement.system_calls import AARCH64, LAST_NUMBER, X86_64, Architecture, this_architecture
from tests.conftest import REPOSITORY

HERE = this_architecture()
NUMBERS = HERE.numbers if HERE is not None else {}

PRELUDE = """
import asyncio, ctypes, errno, fcntl, json, mmap, os, signal, socket, subprocess, sys, tempfile, threading, time
from pathlib import Path
from sandbox.confinement import bpf, landlock, landlock_abi, refuse_system_calls, restrict_files, seccomp
from sandbox.confinement.kernel import gain_no_privileges, system_call
from sandbox.confinement.system_calls import this_architecture

HIGH = 1 << 32
PARENT = os.getpid()

def call(name, *arguments):
    number = name if isinstance(name, int) else this_architecture().numbers[name]
    result = system_call(number, *arguments)
    return errno.errorcode[-result] if result < 0 else "done"

def start(name, *arguments):
    result = system_call(this_architecture().numbers[name], *arguments)
    if result == 0:
        os._exit(0)  # the new process
    return errno.errorcode[-result] if result < 0 else "done"

def machine_code(text):
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(bytes.fromhex(text))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
    return errno.errorcode[-result] if result < 0 else "done"

def tried(action, *arguments):
    try:
        action(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"

def in_thread(action):
    found = []
    thread = threading.Thread(target=lambda: found.append(action()))
    thread.start()
    thread.join()
    return found[0]

def tree():
    # A folder for each of the three, with a file and a folder in it; links that were there before.
    base = Path(tempfile.mkdtemp(dir=os.environ["BASE"]))
    for name in ("own", "library", "outside"):
        (base / name / "folder").mkdir(parents=True)
        (base / name / "file").write_text("text")
        (base / name / "program").write_text("#!/bin/true")
        (base / name / "program").chmod(0o755)
    (base / "own" / "link").symlink_to(base / "outside" / "file")
    return base / "own", base / "library", base / "outside"

def read(path):
    return tried(lambda: open(path, "rb").read())

def write(path):
    return tried(lambda: open(path, "r+b").write(b"more"))

def create(path):
    return tried(lambda: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)))

def executable(path):
    with open(path, "rb") as file:
        return tried(lambda: mmap.mmap(file.fileno(), 4, prot=mmap.PROT_READ | mmap.PROT_EXEC))
"""

FORKING = (
    PRELUDE
    + """
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"\\0confinement-{os.getpid()}")
listener.listen()
for setup, action in json.load(sys.stdin):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            exec(setup)
            answer = str(eval(action))
        except BaseException as error:
            answer = f"raised {error!r}"
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    answer = os.read(reading, 4096).decode()
    os.close(reading)
    _, status = os.waitpid(child, 0)
    print(json.dumps(f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else answer))
"""
)


def python(code: str, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, in a session of its own: whatever it does to itself, it does to no terminal."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
        env={**os.environ, **environment, "PYTHONPATH": str(REPOSITORY)},
    )


def answers(*pairs: tuple[str, str]) -> list[str]:
    """What an expression gives after some statements, each pair in a process of its own."""
    with tempfile.TemporaryDirectory() as base:
        done = python(FORKING, stdin=json.dumps(pairs), BASE=base)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(autouse=True)
def kernel() -> None:
    """In CI a kernel without these is a failure, elsewhere a reason to skip."""
    if (HERE is None or landlock_abi() == 0) and not os.environ.get("CI"):
        pytest.skip("this kernel has no Landlock, or keeps it from us")


# System calls

CONNECTING = "assert refuse_system_calls(sockets=True)"
TREE = "own, library, outside = tree()"
CONNECTED = CONNECTING + "; assert refuse_system_calls(sockets=False)"


@dataclass(frozen=True)
class Attempt:
    """Something that a process tries, and what comes of it once it is confined.

    Attributes:
        name: What it is.
        code: An expression that gives ``done`` or an error's name.
        answer: What it gives where the process is confined.
        before: What it gives where it is not; None for anything else than the answer.
        setup: Statements that come first, in both cases.
        confine: Statements that confine the process.
        privileged: Whether the kernel refuses it to all but root, so that only root sees a difference.
    """

    name: str
    code: str
    answer: str = "EPERM"
    before: str | None = None
    setup: str = ""
    confine: str = CONNECTING
    privileged: bool = False


def outcomes(attempts: Sequence[Attempt]) -> dict[str, tuple[str, str]]:
    """By name: what came of each attempt without being confined, and confined."""
    found = answers(*((f"{one.setup}\n{confine}", one.code) for one in attempts for confine in ("", one.confine)))
    return {one.name: (before, after) for one, before, after in zip(attempts, found[::2], found[1::2], strict=True)}


def words(text: str) -> set[str]:
    return set(text.split())


def nonsense(name: str) -> str:
    """Arguments that no call takes, so that it comes to nothing where it is not refused."""
    return f"call({name!r}, -1, -1, -1, -1, -1, -1)"


OF_ROOT: Final = words(
    """
    acct bpf delete_module fanotify_init finit_module fsmount fsopen fspick init_module ioperm iopl kexec_file_load
    kexec_load mount_setattr move_mount open_by_handle_at pivot_root reboot setdomainname setgroups sethostname
    swapoff swapon syslog umount2 userfaultfd vhangup
    """
)
"""The kernel itself says EPERM to everybody but root, whatever the arguments."""

SPECIAL: Final = [
    Attempt("a fork", "start('fork')"),
    Attempt("a vfork", "machine_code('b83a0000000f0585c0750931ffb83c0000000f05c3')"),
    Attempt("a process by clone", "start('clone', signal.SIGCHLD)"),
    Attempt("a process by clone, with a high bit", "start('clone', signal.SIGCHLD | HIGH)"),
    Attempt("a process that shares memory", "start('clone', signal.SIGCHLD | 0x4000)"),
    Attempt("a user namespace by clone", "start('clone', signal.SIGCHLD | 0x10000000)"),
    Attempt("a thread in a network namespace", "call('clone', 0x00010000 | 0x40000000)"),
    Attempt("clone3", "call('clone3', 0, 0)", "ENOSYS"),
    Attempt("os.fork", "tried(lambda: os.fork() or os._exit(0))"),
    Attempt("subprocess", "tried(subprocess.run, ['/bin/true'])"),
    Attempt("os.posix_spawn", "tried(os.posix_spawn, '/bin/true', ['true'], {})"),
    Attempt("os.execv", "tried(os.execv, '/nonexistent', ['x'])"),
    Attempt("a signal to the parent", "tried(os.kill, PARENT, 0)"),
    Attempt("a signal to the parent, with a high bit", "call('kill', PARENT | HIGH, 0)"),
    Attempt("a signal to the group", "tried(os.kill, 0, 0)"),
    Attempt("a signal to another group", "tried(os.killpg, os.getpgrp(), 0)"),
    Attempt("a signal to everybody", "tried(os.kill, -1, 0)"),
    Attempt("a signal to another's thread", "call('tgkill', PARENT, PARENT, 0)"),
    Attempt("a signal to any thread", "call('tkill', threading.get_native_id(), 0)"),
    Attempt("a queued signal", "call('rt_sigqueueinfo', PARENT, 0, 1)"),
    Attempt("a queued signal to a thread", "call('rt_tgsigqueueinfo', PARENT, PARENT, 0, 1)"),
    Attempt("a handle of oneself", "call('pidfd_open', os.getpid(), 0)"),
    Attempt("being traced", "call('ptrace', 0, 0, 0, 0)"),
    Attempt("one's own memory from outside", "call('process_vm_readv', os.getpid(), 0, 0, 0, 0, 0)"),
    Attempt("limits of the parent", "call('prlimit64', PARENT, 7, 0, 0)"),
    Attempt("limits of the parent, with a high bit", "call('prlimit64', PARENT | HIGH, 7, 0, 0)"),
    Attempt("to live on without the parent", "call('prctl', 1, 0)"),
    Attempt("to live on, with a high bit", "call('prctl', 1 | HIGH, 0)"),
    Attempt("to be dumped", "call('prctl', 4, 1)"),
    Attempt("to be traced by anybody", "call('prctl', 0x59616D61, -1)"),
    Attempt("a signal by a descriptor's owner", "tried(fcntl.fcntl, 0, 8, PARENT)"),
    Attempt("a signal by an owner's structure", "call('fcntl', 0, 15, 1)"),
    Attempt("a signal of choice by a descriptor", "tried(fcntl.fcntl, 0, 10, signal.SIGKILL)"),
    Attempt("a terminal's input", "call('ioctl', 0, 0x5412, 0)"),
    Attempt("a terminal's input, with a high bit", "call('ioctl', 0, 0x5412 | HIGH, 0)"),
    Attempt("a console's selection", "call('ioctl', 0, 0x541C, 0)"),
    Attempt("a socket's owner", "call('ioctl', listener.fileno(), 0x8901, 1)"),
    Attempt("a socket's group", "call('ioctl', listener.fileno(), 0x8902, 1)"),
    Attempt("addresses that are easy to guess", "call('personality', 0x0040000)"),
    Attempt("a mode", "tried(os.chmod, own / 'file', 0o777)", setup=TREE),
    Attempt("a mode by a descriptor", "tried(os.chmod, os.open(own, os.O_RDONLY), 0o777)", setup=TREE),
    Attempt("an owner", "tried(os.chown, own, -1, -1)", setup=TREE),
    Attempt("a time", "tried(os.utime, own / 'file')", setup=TREE),
    Attempt("a pipe with a name", "tried(os.mkfifo, own / 'new')", setup=TREE),
    Attempt("a queue with a name", "call('mq_open', -1, 0, 0, 0)"),
    Attempt("a user namespace", "call('unshare', 0x10000000)"),
    Attempt("a session", "tried(os.setsid)"),
    Attempt("a socket of IPv4", "tried(socket.socket, socket.AF_INET)"),
    Attempt("a socket of IPv4, with a high bit", "call('socket', int(socket.AF_INET) | HIGH, 1, 0)"),
    Attempt("a socket of IPv6", "tried(socket.socket, socket.AF_INET6)"),
    Attempt("a datagram socket", "tried(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)"),
    Attempt("a socket to the kernel", "tried(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW)"),
    Attempt("a socket for packets", "tried(socket.socket, 17, socket.SOCK_RAW)", privileged=True),
    Attempt("a socket to the hypervisor", "tried(socket.socket, socket.AF_VSOCK)"),
    Attempt("a socket for ciphers", "tried(socket.socket, socket.AF_ALG, socket.SOCK_SEQPACKET)"),
    Attempt("a raw socket of Unix", "tried(socket.socket, socket.AF_UNIX, socket.SOCK_RAW)"),
    Attempt("a pair of IPv4", "call('socketpair', socket.AF_INET, 1, 0, 0)"),
    Attempt("a pair for datagrams", "tried(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)"),
    Attempt("a socket once connected", "tried(socket.socket, socket.AF_UNIX)", confine=CONNECTED),
    Attempt(
        "a connection once connected",
        "tried(early.connect, listener.getsockname())",
        setup="early = socket.socket(socket.AF_UNIX)",
        confine=CONNECTED,
    ),
    Attempt(
        "an address once connected",
        "tried(early.bind, '')",
        setup="early = socket.socket(socket.AF_UNIX)",
        confine=CONNECTED,
    ),
    Attempt(
        "listening once connected",
        "tried(early.listen)",
        setup="early = socket.socket(socket.AF_UNIX); early.bind('')",
        confine=CONNECTED,
    ),
    Attempt("a call of x32", "call(0x40000000 | 39)"),
    Attempt("the last number that was considered", nonsense("file_setattr")),
]

REFUSALS: Final = [
    one
    for one in [
        *SPECIAL,
        *(Attempt(name, nonsense(name), privileged=name in OF_ROOT) for name in sorted(REFUSED - {"fork", "vfork"})),
    ]
    if not (missing := re.findall(r"^(?:call|start)\('(\w+)'", one.code)) or missing[0] in NUMBERS
]


@pytest.fixture(scope="module")
def refused() -> dict[str, tuple[str, str]]:
    """All refusals at once, which takes one interpreter only."""
    return outcomes(REFUSALS)


@pytest.mark.parametrize("attempt", REFUSALS, ids=[one.name for one in REFUSALS])
def test_a_cell_is_refused(refused: dict[str, tuple[str, str]], attempt: Attempt) -> None:
    before, after = refused[attempt.name]
    assert after == attempt.answer
    if os.geteuid() == 0 or not attempt.privileged:
        assert before != attempt.answer
        assert before == "done" or before in errno.errorcode.values(), before


def test_every_refusal_is_tried_by_its_name() -> None:
    assert {one.name for one in REFUSALS} >= {name for name in REFUSED if name in NUMBERS} - {"fork", "vfork"}


STILL_POSSIBLE: Final = [
    Attempt(name, code, setup=TREE, confine=CONNECTED)
    for name, code in {
        "a signal to oneself": "tried(os.kill, os.getpid(), 0)",
        "a signal to oneself, with a high bit": "call('kill', os.getpid() | HIGH, 0)",
        "a signal to one's own thread": "tried(signal.pthread_kill, threading.get_ident(), 0)",
        "raising a signal": "tried(signal.raise_signal, signal.SIGWINCH)",
        "one's own limits": "call('prlimit64', 0, 7, 0, 0), call('prlimit64', os.getpid(), 7, 0, 0)",
        "a thread": "in_thread(lambda: 'ran')",
        "a thread's name": "call('prctl', 15, ctypes.addressof(ctypes.create_string_buffer(b'name')))",
        "asking for the personality": "call('personality', 0xFFFFFFFF), call('personality', 0)",
        "the flags of a descriptor": "tried(os.set_blocking, 0, False)",
        "asking for the size of what waits": "call('ioctl', listener.fileno(), 0x5421, 0)",
        "a pair of streams": "tried(socket.socketpair)",
        "a pair of packets": "tried(socket.socketpair, socket.AF_UNIX, socket.SOCK_SEQPACKET)",
        "an event": "tried(os.eventfd, 0)",
        "links": "tried(os.link, own / 'file', own / 'hard'), tried(os.symlink, own / 'file', own / 'soft')",
        "a temporary folder": "tried(lambda: tempfile.TemporaryDirectory(dir=own).cleanup())",
        "a file that is touched again": "tried((own / 'file').touch)",
        "tightening further": "restrict_files([], []) == landlock_abi(), refuse_system_calls()",
        "an event loop": "asyncio.run(asyncio.sleep(0))",
        "an event loop's threads": "asyncio.run(asyncio.to_thread(len, 'four'))",
    }.items()
]


@pytest.fixture(scope="module")
def possible() -> dict[str, tuple[str, str]]:
    """All of them at once, under the strictest filter."""
    return outcomes(STILL_POSSIBLE)


@pytest.mark.parametrize("attempt", STILL_POSSIBLE, ids=[one.name for one in STILL_POSSIBLE])
def test_a_cell_still_has(possible: dict[str, tuple[str, str]], attempt: Attempt) -> None:
    before, after = possible[attempt.name]
    assert after == before
    assert "raised" not in after and "EPERM" not in after


def test_new_sockets_of_unix_are_possible_until_they_are_given_up() -> None:
    connect = "tried(socket.socket(socket.AF_UNIX).connect, listener.getsockname())"
    kinds = "[tried(socket.socket, socket.AF_UNIX, kind) for kind in (1, 2, 5)]"
    assert answers((CONNECTING, connect), (CONNECTED, connect), (CONNECTING, kinds), (CONNECTED, kinds)) == [
        "done",
        "raised PermissionError(1, 'Operation not permitted')",
        "['done', 'done', 'done']",
        "['EPERM', 'EPERM', 'EPERM']",
    ]


def test_threads_that_were_there_before_are_bound_as_well() -> None:
    early = (
        "go = threading.Event(); found = []; "
        "thread = threading.Thread(target=lambda: (go.wait(), found.append(tried(socket.socket, socket.AF_INET)))); "
        "thread.start(); "
    )
    finish = "(go.set(), thread.join(), found[0])[-1]"
    assert answers((early, finish), (early + CONNECTING, finish)) == ["done", "EPERM"]


def test_threads_that_start_later_are_bound_as_well() -> None:
    late = "in_thread(lambda: tried(socket.socket, socket.AF_INET))"
    assert answers(("", late), (CONNECTING, late)) == ["done", "EPERM"]


def test_numbers_of_calls_that_are_newer_than_the_filter_do_not_exist() -> None:
    # Nobody knows the next one's arguments; that it is the filter's answer shows in a number of the future.
    assert answers((CONNECTING, "call(470)"), (CONNECTING, "call(511)")) == ["ENOSYS", "ENOSYS"]
    assert verdict(X86_64, "file_setattr") == verdict(AARCH64, "file_setattr") == "EPERM"
    assert {verdict(one, number) for one in (X86_64, AARCH64) for number in (470, 511, 4_000)} == {"ENOSYS"}


@pytest.mark.skipif(HERE is not X86_64, reason="the instruction is one of x86")
def test_calls_by_another_architectures_numbers_end_the_process() -> None:
    getpid = "machine_code('b814000000cd80c3')"  # mov eax, 20; int 0x80; ret
    before, after = answers(("", getpid), (CONNECTING, getpid))
    assert before != after == "signal 31"


INSTALL = """
def install(program):
    import struct
    gain_no_privileges()
    text = ctypes.create_string_buffer(bpf.assemble(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(text)))
    return system_call(this_architecture().numbers["seccomp"], 1, 0, ctypes.addressof(header))
"""


def test_where_another_thread_has_a_filter_of_its_own_nothing_is_claimed() -> None:
    own = (
        INSTALL
        + """
ready, go = threading.Event(), threading.Event()
thread = threading.Thread(target=lambda: (FILTER, ready.set(), go.wait()))
thread.start()
ready.wait()
"""
    )
    claimed = "(refuse_system_calls(), tried(socket.socket, socket.AF_INET), go.set(), thread.join())[:2]"
    assert answers(
        (own.replace("FILTER", "None"), claimed), (own.replace("FILTER", "install([bpf.ALLOW])"), claimed)
    ) == [
        "(True, 'EPERM')",
        "(False, 'done')",
    ]


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_on_another_system_nothing_is_claimed_and_nothing_raised(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    from sandbox.confinement import kernel

    kernel._library.cache_clear()
    monkeypatch.setattr("sys.platform", system)
    try:
        assert refuse_system_calls() is False
        assert landlock_abi() == 0
        assert restrict_files([Path("/")], []) == 0
    finally:
        kernel._library.cache_clear()


def test_on_an_unknown_machine_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.uname", lambda: os.uname_result(("Linux", "", "", "", "riscv64")))
    assert refuse_system_calls() is False


# The filter's text, for machines that these tests do not run on

PID: Final = 1_234


def verdict(
    architecture: Architecture, call: str | int, *arguments: int, sockets: bool = True, audit: int | None = None
) -> str:
    """What a filter says to a call, found by running it as the kernel does."""
    number = architecture.numbers[call] if isinstance(call, str) else call
    padded = [*arguments, *[0] * 6][:6]
    audit = architecture.audit if audit is None else audit
    data = b"".join(
        value.to_bytes(size, "little")
        for value, size in [(number, 4), (audit, 4), (0, 8), *((one, 8) for one in padded)]
    )
    program = filter_program(architecture, PID, sockets=sockets)
    loaded, position = 0, 0
    while True:
        code, yes, no, operand = program[position]
        position += 1
        match code:
            case 0x20:
                loaded = int.from_bytes(data[operand : operand + 4], "little")
            case 0x54:
                loaded &= operand
            case 0x15 | 0x25 | 0x45:
                holds = {0x15: loaded == operand, 0x25: loaded > operand, 0x45: bool(loaded & operand)}[code]
                position += yes if holds else no
            case 0x06 if operand >> 16 == 5:
                return errno.errorcode[operand & 0xFFFF]
            case 0x06:
                return {0x7FFF0000: "allowed", 0x80000000: "killed"}[operand]
            case _:
                raise AssertionError(f"no instruction of ours: {code:#x}")


both = pytest.mark.parametrize("architecture", [X86_64, AARCH64], ids=["x86_64", "aarch64"])


@both
def test_the_filter_for_each_machine_refuses_whatever_it_is_to_refuse(architecture: Architecture) -> None:
    found = {name: verdict(architecture, name) for name in REFUSED if name in architecture.numbers}
    assert set(found.values()) == {"EPERM"}
    assert {one: verdict(architecture, one, sockets=False) for one in ("bind", "connect", "listen", "socket")} == (
        dict.fromkeys(("bind", "connect", "listen", "socket"), "EPERM")
    )
    assert verdict(architecture, "clone3") == "ENOSYS"
    assert verdict(architecture, 0x40000000) == "EPERM"


@both
def test_no_number_stands_for_two_calls(architecture: Architecture) -> None:
    assert len(set(architecture.numbers.values())) == len(architecture.numbers)
    assert max(architecture.numbers.values()) <= LAST_NUMBER


@both
def test_the_filter_for_each_machine_looks_at_arguments(architecture: Architecture) -> None:
    def of(call: str, *arguments: int) -> str:
        return verdict(architecture, call, *arguments)

    thread = 0x3D0F00  # what the C library asks for
    assert (of("clone", thread), of("clone", 17), of("clone", thread | 0x10000000)) == ("allowed", "EPERM", "EPERM")
    for call in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        assert [of(call, pid) for pid in (PID, PID | 1 << 32)] == ["allowed"] * 2
        assert {of(call, pid) for pid in (0, 1, PID + 1, 2**32 - 1, 2**64 - PID)} == {"EPERM"}
    assert [of("prlimit64", pid) for pid in (0, PID, 1)] == ["allowed", "allowed", "EPERM"]
    assert [of("socket", 1, kind) for kind in (1, 2, 5, 1 | 0x80000, 3, 4)] == ["allowed"] * 4 + ["EPERM"] * 2
    assert [of("socket", family, 1) for family in (0, 2, 10, 16, 2 | 1 << 32)] == ["EPERM"] * 5
    assert [of("socketpair", 1, kind) for kind in (1, 5, 2)] == ["allowed", "allowed", "EPERM"]
    assert [of("prctl", option) for option in (15, 38, 1, 4, 0x59616D61)] == ["allowed"] * 2 + ["EPERM"] * 3
    assert [of("fcntl", 0, command) for command in (3, 4, 8, 10, 15)] == ["allowed"] * 2 + ["EPERM"] * 3
    assert [of("ioctl", 0, request) for request in (0x5401, 0x5412, 0x5412 | 1 << 32)] == ["allowed", "EPERM", "EPERM"]


@both
def test_the_filter_for_each_machine_kills_what_speaks_another_machines_numbers(architecture: Architecture) -> None:
    for audit in {X86_64.audit, AARCH64.audit, 0x40000003, 0x40000028} - {architecture.audit}:
        assert verdict(architecture, 0, audit=audit) == "killed"
    assert verdict(architecture, 0) == "allowed"


def test_only_calls_that_aarch64_never_had_are_missing_there() -> None:
    assert set(X86_64.numbers) >= REFUSED
    assert set(AARCH64.numbers) < set(X86_64.numbers)
    assert set(X86_64.numbers) - set(AARCH64.numbers) == words(
        """
        chmod chown fork futimesat ioperm iopl lchown mknod modify_ldt uselib utime utimes vfork
        """
    )


def test_a_body_without_a_verdict_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="has to end in a verdict"):
        if_equal(1, load_argument(0))
    with pytest.raises(ValueError, match="300 instructions"):
        if_equal(1, [Instruction(0x06, 0, 0, 0)] * 300)


CLIENT = (
    PRELUDE
    + """
import grpc, grpc.aio

async def main(address):
    assert refuse_system_calls(sockets=True)
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        echo = channel.unary_unary("/test/Echo")
        stream = channel.stream_stream("/test/Stream")()
        await stream.write(b"before")
        assert await stream.read() == b"before"
        assert refuse_system_calls(sockets=False)
        for size in (0, 10, 1_000_000):
            assert await echo(b"x" * size) == b"x" * size
        assert await asyncio.gather(*(echo(b"%d" % n) for n in range(50))) == [b"%d" % n for n in range(50)]
        await stream.write(b"after")
        assert await stream.read() == b"after"
        async with grpc.aio.insecure_channel(address, options=options) as another:
            try:
                await another.unary_unary("/test/Echo")(b"x")
            except grpc.aio.AioRpcError as error:
                print(error.code().name)
        assert await echo(b"still") == b"still"
        print(tried(socket.socket, socket.AF_UNIX))

asyncio.run(main(sys.argv[1]))
"""
)


class Echo(grpc.GenericRpcHandler):
    """Gives every message back."""

    def service(self, handler_call_details: Any) -> Any:
        async def one(request: bytes, context: Any) -> bytes:
            return request

        async def many(requests: Any, context: Any) -> Any:
            async for request in requests:
                yield request

        if handler_call_details.method == "/test/Echo":
            return grpc.unary_unary_rpc_method_handler(one)
        return grpc.stream_stream_rpc_method_handler(many)


async def test_an_open_channel_goes_on_where_no_new_one_can_be_opened(scratch: Path) -> None:
    address = f"unix:{scratch / 'host.sock'}"
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Echo(),))
    server.add_insecure_port(address)
    await server.start()
    try:
        done = await asyncio.to_thread(python, CLIENT, address, GRPC_VERBOSITY="NONE")
    finally:
        await server.stop(None)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["UNAVAILABLE", "EPERM"]


# Files

RESTRICT = "assert restrict_files([library], [own]) == landlock_abi()"


def with_files(
    name: str, code: str, answer: str, before: str = "done", *, setup: str = "", confine: str = RESTRICT
) -> Attempt:
    """An attempt that finds three folders of its own."""
    return Attempt(name, code, answer, before, f"{TREE}\n{setup}", confine)


FILE_ATTEMPTS: Final = [
    # What a cell keeps.
    with_files("reading a library", "read(library / 'file')", "done"),
    with_files("listing a library", "tried(os.listdir, library)", "done"),
    with_files("mapping a library's code", "executable(library / 'program')", "done"),
    with_files("reading its own file", "read(own / 'file')", "done"),
    with_files("writing its own file", "write(own / 'file')", "done"),
    with_files("truncating its own file", "tried(os.truncate, own / 'file', 0)", "done"),
    with_files("making a file", "create(own / 'new')", "done"),
    with_files("making a folder", "tried(os.mkdir, own / 'new')", "done"),
    with_files("removing a file", "tried(os.unlink, own / 'file')", "done"),
    with_files("removing a folder", "tried(os.rmdir, own / 'folder')", "done"),
    with_files("renaming", "tried(os.rename, own / 'file', own / 'new')", "done"),
    with_files("moving to another folder of its own", "tried(os.rename, own / 'file', own / 'folder' / 'new')", "done"),
    with_files("linking to another folder of its own", "tried(os.link, own / 'file', own / 'folder' / 'new')", "done"),
    with_files("what was open before", "read(early.fileno())", "done", setup="early = open(outside / 'file')"),
    with_files("a signal to its own thread", "tried(signal.pthread_kill, threading.main_thread().ident, 0)", "done"),
    with_files(
        "a signal from thread to thread",
        "in_thread(lambda: tried(signal.pthread_kill, threading.main_thread().ident, 0))",
        "done",
    ),
    with_files("a signal to itself", "in_thread(lambda: tried(os.kill, os.getpid(), 0))", "done"),
    with_files("a socket with a path", "tried(socket.socketpair)", "done"),
    # What it gave up.
    with_files("reading outside", "read(outside / 'file')", "EACCES"),
    with_files("reading outside in a later thread", "in_thread(lambda: read(outside / 'file'))", "EACCES"),
    with_files("reading outside by a link", "read(own / 'link')", "EACCES"),
    with_files("reading outside by way of its own folder", "read(own / '..' / 'outside' / 'file')", "EACCES"),
    with_files("listing outside", "tried(os.listdir, outside)", "EACCES"),
    with_files("listing the folder above", "tried(os.listdir, own.parent)", "EACCES"),
    with_files("writing outside", "write(outside / 'file')", "EACCES"),
    with_files("making a file outside", "create(outside / 'new')", "EACCES"),
    with_files("making a folder outside", "tried(os.mkdir, outside / 'new')", "EACCES"),
    with_files("removing a file outside", "tried(os.unlink, outside / 'file')", "EACCES"),
    with_files("removing a folder outside", "tried(os.rmdir, outside / 'folder')", "EACCES"),
    with_files("truncating outside", "tried(os.truncate, outside / 'file', 0)", "EACCES"),
    with_files("truncating outside when opening", "tried(os.open, outside / 'file', os.O_TRUNC)", "EACCES"),
    with_files("renaming outside", "tried(os.rename, outside / 'file', outside / 'new')", "EACCES"),
    with_files("moving a file out", "tried(os.rename, own / 'file', outside / 'new')", "EACCES"),
    with_files("moving a file in", "tried(os.rename, outside / 'file', own / 'new')", "EACCES"),
    with_files("linking a file out", "tried(os.link, own / 'file', outside / 'new')", "EACCES"),
    with_files("linking a file in", "tried(os.link, outside / 'file', own / 'new')", "EXDEV"),
    with_files("writing a library", "write(library / 'file')", "EACCES"),
    with_files("truncating a library", "tried(os.truncate, library / 'file', 0)", "EACCES"),
    with_files("making a file in a library", "create(library / 'new')", "EACCES"),
    with_files("removing a library", "tried(os.unlink, library / 'file')", "EACCES"),
    with_files("moving a library in", "tried(os.rename, library / 'file', own / 'new')", "EACCES"),
    with_files("linking a library in", "tried(os.link, library / 'file', own / 'new')", "EXDEV"),
    with_files("executing a library's program", "tried(os.execv, library / 'program', ['x'])", "EACCES", ""),
    with_files(
        "executing what it may read",
        "tried(os.execv, '/bin/true', ['true'])",
        "EACCES",
        "",
        confine="assert restrict_files([Path('/')], [])",
    ),
    with_files("executing its own program", "tried(os.execv, own / 'program', ['x'])", "EACCES", ""),
    with_files("a symbolic link", "tried(os.symlink, '/', own / 'new')", "EACCES"),
    with_files("a pipe with a name", "tried(os.mkfifo, own / 'new')", "EACCES"),
    with_files("a socket file", "tried(socket.socket(socket.AF_UNIX).bind, str(own / 'new'))", "EACCES"),
    with_files("the environment of the parent", "read(f'/proc/{PARENT}/environ')", "EACCES"),
    with_files(
        "the memory of the parent, with /proc to read",
        "tried(open, f'/proc/{PARENT}/mem', 'rb')",
        "EACCES",
        confine="assert restrict_files([Path('/proc')], [])",
    ),
    with_files("another way to the root", "tried(os.listdir, '/proc/self/root')", "EACCES"),
    with_files("a signal to the parent", "tried(os.kill, PARENT, 0)", "EPERM"),
    with_files("tracing the parent", "call('ptrace', 0x4206, PARENT, 0, 0)", "EPERM"),
    with_files("an abstract socket", "tried(socket.socket(socket.AF_UNIX).connect, listener.getsockname())", "EPERM"),
    with_files("a server of TCP", "tried(socket.socket().bind, ('127.0.0.1', 0))", "EACCES"),
    with_files("a connection of TCP", "tried(socket.socket().connect, ('127.0.0.1', 1))", "EACCES", "ECONNREFUSED"),
    with_files(
        "a device's own functions",
        "call('ioctl', os.open('/dev/null', os.O_RDWR), 0x5401, 0)",
        "EACCES",
        "ENOTTY",
        confine="assert restrict_files([], [Path('/dev/null')])",
    ),
    # Files given by themselves.
    with_files(
        "writing a device that was given",
        "write('/dev/null')",
        "done",
        confine="restrict_files([], [Path('/dev/null')])",
    ),
    with_files(
        "reading a file that was given",
        "read(outside / 'file')",
        "done",
        confine="restrict_files([outside / 'file'], [])",
    ),
    with_files(
        "writing a file to read",
        "write(outside / 'file')",
        "EACCES",
        confine="restrict_files([outside / 'file'], [])",
    ),
    with_files(
        "writing a file that was given",
        "write(outside / 'file')",
        "done",
        confine="restrict_files([], [outside / 'file'])",
    ),
    with_files(
        "removing a file that was given",
        "tried(os.unlink, outside / 'file')",
        "EACCES",
        confine="restrict_files([], [outside / 'file'])",
    ),
    with_files(
        "reading the neighbour of a file that was given",
        "read(outside / 'program')",
        "EACCES",
        confine="restrict_files([outside / 'file'], [])",
    ),
    with_files(
        "what is given beside what does not exist",
        "read(library / 'file')",
        "done",
        confine="assert restrict_files([own / 'no' / 'where', own / 'file' / 'x', library], [Path('/nowhere')])",
    ),
    with_files("what two rulesets give", "read(library / 'file')", "done", confine=RESTRICT + "; " + RESTRICT),
    with_files(
        "what a later ruleset takes",
        "read(library / 'file')",
        "EACCES",
        confine=RESTRICT + "; restrict_files([], [own])",
    ),
    with_files(
        "what a later ruleset would give",
        "read(outside / 'file')",
        "EACCES",
        confine=RESTRICT + "; restrict_files([], [outside])",
    ),
]


@pytest.fixture(scope="module")
def attempted() -> dict[str, tuple[str, str]]:
    """All attempts at once; each has files of its own."""
    return outcomes(FILE_ATTEMPTS)


@pytest.mark.parametrize("attempt", FILE_ATTEMPTS, ids=[one.name for one in FILE_ATTEMPTS])
def test_with_its_files_restricted_a_cell_tries(attempted: dict[str, tuple[str, str]], attempt: Attempt) -> None:
    assert attempted[attempt.name] == (attempt.before, attempt.answer)


def test_two_restricted_processes_cannot_reach_each_other() -> None:
    other = """
ready, say = os.pipe()
end, life = os.pipe()
other = os.fork()
if other == 0:
    os.close(life)
    restrict_files([Path("/proc")], [])
    os.write(say, b".")
    os.read(end, 1)  # until the first has ended
    os._exit(0)
os.read(ready, 1)
"""
    attempts = "read(f'/proc/{other}/mem'), tried(os.kill, other, 0)"
    before, after = answers((other, attempts), (other + "restrict_files([Path('/proc')], [])", attempts))
    assert (before, after) == ("('EIO', 'done')", "('EACCES', 'EPERM')")


def test_a_kernel_of_an_earlier_abi_is_asked_for_no_more_than_it_knows() -> None:
    older = TREE + "; landlock.landlock_abi = lambda: {}"
    attempts = (
        "restrict_files([library], [own]), read(outside / 'file'), tried(os.truncate, outside / 'file', 0), "
        "tried(socket.socket().bind, ('127.0.0.1', 0)), tried(os.kill, PARENT, 0)"
    )
    assert answers(*((older.format(abi), attempts) for abi in (1, 2, 3, 4, 5, 6, 7))) == [
        "(1, 'EACCES', 'done', 'done', 'done')",
        "(2, 'EACCES', 'done', 'done', 'done')",
        "(3, 'EACCES', 'EACCES', 'done', 'done')",
        "(4, 'EACCES', 'EACCES', 'EACCES', 'done')",
        "(5, 'EACCES', 'EACCES', 'EACCES', 'done')",
        "(6, 'EACCES', 'EACCES', 'EACCES', 'EPERM')",
        "(7, 'EACCES', 'EACCES', 'EACCES', 'EPERM')",
    ]


@pytest.mark.parametrize("error", ["EPERM", "ENOSYS", "EOPNOTSUPP"])
def test_where_landlock_is_kept_from_a_process_nothing_is_claimed(error: str) -> None:
    """An older Docker's own filter says EPERM; an older kernel, and one that was started without it, the others."""
    program = f"[bpf.LOAD_NUMBER, *bpf.if_equal((444, 445, 446), [bpf.fail(errno.{error})]), bpf.ALLOW]"
    tries = "landlock_abi(), restrict_files([library], [own]), read(outside / 'file')"
    last = f"[bpf.LOAD_NUMBER, *bpf.if_equal(446, [bpf.fail(errno.{error})]), bpf.ALLOW]"
    assert answers((f"{INSTALL}install({program}); {TREE}", tries), (f"{INSTALL}install({last}); {TREE}", tries)) == [
        "(0, 0, 'done')",
        f"({landlock_abi()}, 0, 'done')",
    ]


def test_files_and_system_calls_are_given_up_together() -> None:
    confined = f"{TREE}; {RESTRICT}; {CONNECTED}"
    attempts = (
        "read(library / 'file'), write(own / 'file'), read(outside / 'file'), tried(subprocess.run, ['/bin/true'])"
    )
    assert answers((confined, attempts)) == ["('done', 'done', 'EACCES', 'EPERM')"]
