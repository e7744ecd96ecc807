"""Where the page can be reached: the address that it listens at, and the names that a browser may call it by."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from creator.errors import UsageError
from creator.text import clean

PORT: Final = 8000
"""The usual port."""
_WAITING: Final = 128
"""Connections that may wait to be taken."""
_NOWHERE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of documents (RFC 5737, RFC 3849), to ask the system which of its own it would use; nothing is sent."""


@dataclass(frozen=True)
class Listening:
    """A socket that listens.

    Attributes:
        socket: It takes connections already; who serves them closes it.
        host: The name or address that was asked for.
    """

    socket: socket.socket
    host: str

    @property
    def port(self) -> int:
        """The one that was found, where any free one was asked for."""
        return int(self.socket.getsockname()[1])

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return self._address.is_loopback

    @property
    def names(self) -> frozenset[str]:
        """What a browser may call it."""
        known = {"localhost"} if self.loopback or self._address.is_unspecified else set[str]()
        with contextlib.suppress(OSError):
            known |= {socket.gethostname().lower()} if not self.loopback else set()
        return frozenset({*known, self.host.lower(), str(self._address)})

    @property
    def url(self) -> str:
        """The address of the first page, without a token."""
        host = _own_address(self.socket.family) if self._address.is_unspecified else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @property
    def _address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        return ipaddress.ip_address(str(self.socket.getsockname()[0]).partition("%")[0])


def listen(host: str, port: int) -> Listening:
    """Begin to listen.

    Args:
        host: A name or an address of this machine.
        port: 0 for any that is free.

    Raises:
        UsageError: The port is taken, or the host is none of this machine's.
    """
    shown = clean(host, 100)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise UsageError(f"--host {shown!r} is no name or address of this machine: leave it out.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(_WAITING)
    except OSError as error:
        listener.close()
        match error.errno:
            case errno.EADDRINUSE:
                problem = f"Port {port} is taken: choose another with --port, or --port 0 for any that is free."
            case errno.EACCES:
                problem = f"Port {port} needs rights that you don't have: choose one above 1023 with --port."
            case errno.EADDRNOTAVAIL:
                problem = f"--host {shown!r} is no address of this machine: leave it out."
            case _:
                problem = f"Cannot listen at {shown!r}, port {port}: {error.strerror or error}."
        raise UsageError(problem) from None
    return Listening(listener, host)


def inherited(descriptor: int) -> Listening:
    """A socket that listens already, handed over by the program that started this one.

    Args:
        descriptor: Its file descriptor.

    Raises:
        UsageError: It is none.
    """
    try:
        listener = socket.socket(fileno=descriptor)
        listener.set_inheritable(False)
        return Listening(listener, str(listener.getsockname()[0]))
    except (OSError, IndexError):
        raise UsageError(f"File {descriptor} is no socket that listens.") from None


def _own_address(family: int) -> str:
    """The address of this machine that others would reach it by; its name where that cannot be told."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_NOWHERE[socket.AddressFamily(family)], 9))
            return str(probe.getsockname()[0])
    except (OSError, KeyError, ValueError):
        return socket.gethostname()
