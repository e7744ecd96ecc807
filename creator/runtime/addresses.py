"""The addresses that a host may listen on."""

from __future__ import annotations

import ipaddress
import os
from typing import Final

from creator.runtime.credentials import Credentials
from sandbox.runtime.wire import Tls

UNIX: Final = "unix:"
MAX_SOCKET_PATH: Final = 107
"""Bytes; the kernel takes no longer path of a unix socket."""


def check_address(address: str, credentials: Credentials | None, tls: Tls | None) -> None:
    """Refuse an address that a host cannot listen on, or that would let strangers in or listen.

    Args:
        address: ``unix:/path``, or ``name:port``.
        credentials: Who may connect; None for everybody.
        tls: Certificates for TCP; None for connections in the clear.

    Raises:
        ValueError: With one line that says what to do.
    """
    if address.startswith(UNIX):
        if len(os.fsencode(address.removeprefix(UNIX))) > MAX_SOCKET_PATH:
            raise ValueError(f"the path of a unix socket has at most {MAX_SOCKET_PATH} bytes: choose a shorter folder")
        if tls is not None:
            raise ValueError("TLS is for TCP; a unix socket is protected by its mode")
        return
    name, separator, port = address.rpartition(":")
    if not separator or not port.isdigit():
        raise ValueError(f"{address!r} is no address: use unix:/path or name:port")
    if _is_loopback(name.strip("[]")):
        return
    if credentials is None:
        raise ValueError(f"a host at {address!r} would admit strangers: give it credentials, or use loopback")
    if tls is None:
        raise ValueError(f"a host at {address!r} would send credentials in the clear: give it TLS, or use loopback")


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
