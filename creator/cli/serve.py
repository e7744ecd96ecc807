"""``serve``: the runs in a browser."""

from __future__ import annotations

import contextlib
import secrets
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import click

from creator.cli._shared import State, calm_libraries, debug_option, output_folder, output_option
from creator.errors import UsageError

if TYPE_CHECKING:
    from uvicorn import Server

    from creator.web.watching import Watches

TOKEN_VARIABLE: Final = "CREATOR_SERVE_TOKEN"  # noqa: S105 - its name
_SHORTEST_TOKEN: Final = 16
_LAST_SECONDS: Final = 1.5
"""That those who follow a run have to hear of its end."""


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", help="Where to listen [default: this machine alone].")
@click.option("--port", metavar="N", type=click.IntRange(0, 65_535), help="0 for any that is free [default: 8000].")
@click.option("--name", "names", metavar="NAME", multiple=True, help="Another name that browsers reach it by.")
@click.option("--token", "wants_token", is_flag=True, help="Ask for a token also where only this machine reaches it.")
@click.option("--open", "open_browser", is_flag=True, help="Open a browser.")
@click.option("--inherited", metavar="FILE", type=int, hidden=True)
@output_option
@debug_option
@click.pass_context
def serve(
    ctx: click.Context,
    host: str,
    port: int | None,
    names: tuple[str, ...],
    wants_token: bool,
    open_browser: bool,
    inherited: int | None,
    output: str | None,
) -> None:
    """Show the runs in a browser: live while they go on, with their agents, ideas and reviews.

    Prints the address. Any other than one of this machine alone asks for a token, which is a part of the address
    that is printed; CREATOR_SERVE_TOKEN in the environment or .env sets your own. Ctrl-C stops it.
    """
    from creator.web import make_app
    from creator.web.listening import PORT, listen
    from creator.web.listening import inherited as taken_over
    from creator.web.serving import make_server

    state = ctx.find_object(State) or State()
    calm_libraries(state.debug)
    folder = output_folder(output)
    token = own_token()
    listening = listen(host, PORT if port is None else port) if inherited is None else taken_over(inherited)
    if token is None and (wants_token or not listening.loopback):
        token = secrets.token_urlsafe(24)
    hosts = {*listening.names, *(name.lower() for name in names)}
    any_address = not listening.loopback
    app = make_app(folder, hosts=sorted(hosts), any_address=any_address, token=token)
    server = make_server(app)
    with contextlib.suppress(KeyboardInterrupt):  # the way to stop it
        if inherited is None:
            url = with_token(listening.url, token)
            click.echo(url)
            click.echo(f"Runs of {str(folder)!r} are shown there. Stop with Ctrl-C.", err=True)
            sys.stdout.flush()
        else:
            threading.Thread(target=_end_with_parent, args=[server, app.state.watches], daemon=True).start()
        if not open_browser:
            server.run(sockets=[listening.socket])
            return
        with _way_in(with_token(listening.url, token)) as way:
            threading.Thread(target=webbrowser.open, args=[way], daemon=True).start()
            server.run(sockets=[listening.socket])


def own_token() -> str | None:
    """The token that the user has chosen; None for none.

    Raises:
        UsageError: It is too short to be one.
    """
    from creator.settings import load_environ

    token = load_environ().get(TOKEN_VARIABLE) or None
    if token is not None and (len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise UsageError(f"{TOKEN_VARIABLE} has to be at least {_SHORTEST_TOKEN} plain characters long.")
    return token


def with_token(url: str, token: str | None) -> str:
    """The address that lets its first visitor in."""
    return f"{url}?{urlencode({'token': token})}" if token else url


@contextmanager
def _way_in(url: str) -> Iterator[str]:
    """What a browser is started with. No token stands on a command line: all users of the machine can read those."""
    if "?" not in url:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="creator-page-") as folder:
        page = Path(folder) / "open.html"
        page.touch(mode=0o600)
        page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(url)}">', encoding="utf-8")
        yield page.as_uri()


def _end_with_parent(server: Server, watches: Watches) -> None:
    """End when the program that started this one has gone: its end of our standard input is closed then.

    Whoever follows the run hears first that it has ended.
    """
    sys.stdin.buffer.read()
    until = time.monotonic() + _LAST_SECONDS
    while watches.watched and time.monotonic() < until:
        time.sleep(0.05)
    server.should_exit = True
