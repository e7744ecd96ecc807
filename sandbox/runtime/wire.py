"""What goes over the wire besides AutoGen's own messages: names of metadata, bounds, channel options, TLS, errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from sandbox.errors import (
    BY_CODE,
    MAX_ERROR_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    HandlerFailed,
    MessagingError,
)

MAX_MESSAGE_BYTES: Final = 1 << 20
"""Default of the largest payload of one message, in bytes; both sides refuse more before they send it."""

MAX_HEAD_BYTES: Final = 8 << 10
"""What a message of the largest size may hold besides its payload: ids, names, metadata."""

MAX_NAME_CHARACTERS: Final = 200
"""Longest type or key of an agent, and longest id of a request."""

FROZEN_AFTER: Final = 2.0
"""Default of the seconds after which a peer that answers no pings counts as gone."""

CREDENTIAL: Final = "credential"
CLIENT_ID: Final = "client-id"
OPERATION: Final = "operation"
"""Names of gRPC metadata. An operation turns AutoGen's RegisterAgent into one of the two below."""

UNREGISTER: Final = "unregister"
REPLACE: Final = "replace"

CANCEL: Final = "cancel"
"""The ``method`` of a request that withdraws the request of its id; AutoGen leaves the field empty."""


def channel_options(message_bytes: int, frozen_after: float | None) -> list[tuple[str, Any]]:
    """Options of a gRPC channel or server.

    Args:
        message_bytes: Largest payload.
        frozen_after: Seconds until a peer that answers no pings counts as gone; None sends no pings.
    """
    transport = message_bytes + (64 << 10)
    options: list[tuple[str, Any]] = [
        ("grpc.max_send_message_length", transport),
        ("grpc.max_receive_message_length", transport),
        ("grpc.max_metadata_size", 2 * MAX_HEAD_BYTES),
        ("grpc.enable_http_proxy", 0),
        ("grpc.so_reuseport", 0),  # else a second host on the port would share its clients
        ("grpc.use_local_subchannel_pool", 1),  # else a new channel inherits the failures and the pauses of others
        ("grpc.http2.max_pings_without_data", 0),
        # How often a peer may ping us before it is disconnected for it.
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 100),
        ("grpc.http2.min_ping_interval_without_data_ms", 100),
    ]
    if frozen_after is not None:
        # A peer that froze just after a ping is noticed one interval and one time-out later.
        interval = int(frozen_after * 300)
        timeout = int(frozen_after * 600)
        options += [
            ("grpc.keepalive_time_ms", interval),
            ("grpc.keepalive_timeout_ms", timeout),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.ping_timeout_ms", timeout),
        ]
    return options


def merged(options: Sequence[tuple[str, Any]], more: Sequence[tuple[str, Any]] | None) -> list[tuple[str, Any]]:
    """Channel options in which the second ones prevail."""
    return list({**dict(options), **dict(more or ())}.items())


@dataclass(frozen=True)
class Tls:
    """The files of one end of a TLS connection, all in PEM.

    Attributes:
        certificate: Own certificate with its chain. A host needs one; a client only where the host asks for it.
        key: The private key of ``certificate``.
        authority: Certificate of the authority that the other end's certificate has to be signed by. A host
            that has one asks every client for a certificate; a client without one trusts the system's.
        server_name: A client expects this name in the host's certificate instead of the address's.
    """

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    server_name: str | None = None

    def server_credentials(self) -> grpc.ServerCredentials:
        """The host's end; raises ValueError when a file is missing."""
        certificate, key = _read(self.certificate), _read(self.key)
        if certificate is None or key is None:
            raise ValueError("TLS needs a certificate and its key at the host's end")
        authority = _read(self.authority)
        return grpc.ssl_server_credentials(
            [(key, certificate)], root_certificates=authority, require_client_auth=authority is not None
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """A client's end; raises ValueError when a file is missing."""
        certificate, key = _read(self.certificate), _read(self.key)
        if (certificate is None) != (key is None):
            raise ValueError("a client's TLS certificate and its key go together")
        return grpc.ssl_channel_credentials(_read(self.authority), key, certificate)


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"the TLS file {str(path)!r} cannot be read: {error.strerror}") from error


def set_error(response: pb.RpcResponse, error: MessagingError) -> None:
    """Write an error into a response, so that it arrives as one even when its text is empty."""
    code = type(error).__name__
    response.metadata["error"] = code
    if isinstance(error, HandlerFailed):
        response.metadata["type"] = error.type_name[:MAX_TYPE_CHARACTERS]
        response.metadata["traceback"] = error.traceback[:MAX_ERROR_CHARACTERS]
        response.error = error.text[:MAX_ERROR_CHARACTERS]
    else:
        response.error = (str(error) or code)[:MAX_ERROR_CHARACTERS]


def get_error(response: pb.RpcResponse) -> MessagingError | None:
    """The error that a response holds, or None when it holds an answer."""
    code = response.metadata.get("error", "")
    if not code and not response.error:
        return None
    kind = BY_CODE.get(code, HandlerFailed)
    if kind is HandlerFailed:
        return HandlerFailed(
            response.error,
            response.metadata.get("type", "")[:MAX_TYPE_CHARACTERS],
            response.metadata.get("traceback", "")[:MAX_ERROR_CHARACTERS],
        )
    return kind(response.error or "no reason given")


def error_message(request_id: str, error: MessagingError) -> pb.Message:
    """An error as the response to a request."""
    message = pb.Message()
    message.response.request_id = request_id
    set_error(message.response, error)
    return message
