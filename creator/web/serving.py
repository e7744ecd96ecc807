"""The server of the pages: quiet, patient for as long as it has to be, and gone within a second when it is told to."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS: Final = 20.0
"""That a browser has to say what it wants."""
_IDLE_SECONDS: Final = 15
"""That a connection is kept for the browser's next request."""
_GRACE_SECONDS: Final = 1
"""That answers have to end when the server is told to."""
_MOST_CONNECTIONS: Final = 300
"""Beyond them, requests are told to come later."""
_MOST_HEAD_BYTES: Final = 32_768
"""Of the first line and the headers of a request."""


class PatientProtocol(H11Protocol):
    """A connection that is closed when nobody says what they want: uvicorn itself would wait for ever."""

    patience: float = REQUEST_SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request; the first one of the next request begins another wait."""
        super().data_received(data)
        if self._is_asking:
            self._wait()
        else:
            self._forget()

    def on_response_complete(self) -> None:
        """Wait for the next request, which may have begun to come already."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._forget()
        super().connection_lost(exc)

    @property
    def _is_asking(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.patience, self._give_up)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._is_asking and not self.transport.is_closing():
            self.transport.close()


def make_server(app: ASGIApp, **options: Any) -> uvicorn.Server:
    """A server that says nothing, and trusts no header of a proxy's.

    Args:
        app: What it serves.
        options: More of uvicorn's settings.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            **options,
        )
    )
