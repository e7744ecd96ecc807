"""Chromium, and the pages of a folder of runs to look at with it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from creator.web import make_app
from creator.web.listening import listen
from creator.web.serving import make_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


# Not for the whole session: while Playwright is there, this thread has a running event loop, and no test that is a
# coroutine could start one. So no module may hold both kinds.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Take `browser.new_context` where cookies of an earlier test would be in the way."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class _Served:
    """A server in a thread of its own."""

    def __init__(self, output: Path, token: str | None, port: int) -> None:
        listening = listen("127.0.0.1", port)
        self.address = listening.url.rstrip("/")
        self.port = listening.port
        self._server = make_server(make_app(output, hosts=sorted(listening.names), token=token))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening.socket]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server did not end"


class ServePage:
    """Serves the pages of folders of runs: ``serve_page(output)`` gives the address, without a slash at its end."""

    def __init__(self) -> None:
        self._served: dict[str, _Served] = {}

    def __call__(self, output: Path, token: str | None = None, port: int = 0) -> str:
        one = _Served(output, token, port)
        self._served[one.address] = one
        return one.address

    def stop(self, address: str) -> int:
        """End the server of an address, and all connections to it; gives its port."""
        one = self._served.pop(address)
        one.stop()
        return one.port

    def stop_all(self) -> None:
        for address in list(self._served):
            self.stop(address)


@pytest.fixture
def serve_page() -> Iterator[ServePage]:
    """Serves pages for the time of the test."""
    serving = ServePage()
    yield serving
    serving.stop_all()
