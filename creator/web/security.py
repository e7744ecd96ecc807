"""What stands between a browser and the pages.

A page of another site must not read or change anything here, whatever it makes the browser do, and a name that points
to this machine by DNS must not either. So the Host header has to be one of ours, changes have to come from our own
pages (Origin or Sec-Fetch-Site, and a token in each form), nothing is handed to other sites' pages to build in, and
whoever reaches us from elsewhere shows a token first. Every answer carries a content security policy that lets the
browser run and fetch nothing but our own files.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import re
import secrets
from typing import Final
from urllib.parse import parse_qs, quote, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from creator.errors import UsageError
from creator.web.html import render

FIELD: Final = "csrf"
"""The name of the form field that proves that a form is ours."""
STATIC: Final = "/static/"
"""Where the program's own files are, which are no secret."""
ENTER: Final = "/enter"
"""Where the form leads that asks for the token."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
BODY_BYTES: Final = 1_000_000
"""Of a form, at most."""
BODY_SECONDS: Final = 20.0
"""That a browser has to send a form."""
_SAFE: Final = frozenset({"GET", "HEAD"})
_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9._-]{1,253}))(?::(?P<port>\d{1,5}))?")
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
_log = logging.getLogger(__name__)


class Guard:
    """Lets a request through, or refuses it.

    Args:
        app: The pages.
        hosts: Names and addresses, without a port, that a browser may reach us by.
        any_address: Whether a browser may reach us by whatever address: no name, and so no DNS, is trusted by that.
        token: What a visitor has to show once; None for none.
        secret: What sessions are signed with.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: frozenset[str], any_address: bool = False, token: str | None, secret: bytes
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._any_address = any_address
        self._token = token
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        begun = False
        fresh = ""

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if fresh:
                    headers.append("set-cookie", _cookie(request, "session", fresh))
            await send(message)

        scope.setdefault("state", {})["csrf"] = ""
        answer: ASGIApp | None = self._refusal(request) or await self._entry(request)
        if answer is None:
            session = request.cookies.get(_cookie_name(request, "session"), "")
            if not _SESSION.fullmatch(session):
                session = secrets.token_urlsafe(24)
                # A page is what holds forms; what it loads afterwards comes with the page's cookie.
                fresh = session if not request.url.path.startswith(STATIC) else ""
            scope["state"]["csrf"] = signed(self._secret, session)
            answer = self._app
        try:
            await answer(scope, receive, send_guarded)
        except Exception:
            _log.exception("A page failed.")
            if begun:
                raise
            await _plain("Something went wrong here. Start the program with --debug to see what.", 500)(
                scope, receive, send_guarded
            )

    def _refusal(self, request: Request) -> Response | None:
        host = _HOST.fullmatch(request.headers.get("host", "").lower())
        if host is None or not self._is_ours(host["six"] or host["name"]):
            return _plain("This page is not known by that name. Open the address that the program printed.", 421)
        if request.method not in {*_SAFE, "POST"}:
            response = _plain("Pages are read or sent here, nothing else.", 405)
            response.headers["allow"] = "GET, HEAD, POST"
            return response
        if request.method == "POST" and not _from_here(request):
            return _plain("A page of another site may change nothing here.", 403)
        if _built_in_elsewhere(request):
            return _plain("A page of another site may build in nothing from here.", 403)
        length = request.headers.get("content-length", "0")
        if len(length) > 9 or not length.isdecimal() or int(length) > BODY_BYTES:
            return _plain(f"That is more than {BODY_BYTES:,} bytes: send less.", 413)
        return None

    def _is_ours(self, host: str) -> bool:
        if host in self._hosts:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return self._any_address or str(address) in self._hosts

    async def _entry(self, request: Request) -> Response | None:
        """What somebody gets who has not shown the token; None for everybody else."""
        if self._token is None or request.url.path.startswith(STATIC):
            return None
        ours = signed(self._secret, self._token)
        if request.method == "POST" and request.url.path == ENTER:
            try:
                shown = (await _fields(request)).get("token", "").strip()
            except UsageError:
                shown = ""
            target = "/"
        else:
            if hmac.compare_digest(request.cookies.get(_cookie_name(request, "entry"), "").encode(), ours.encode()):
                return None
            query = parse_qs(request.url.query, keep_blank_values=True)
            shown = query.pop("token", [""])[0]
            rest = urlencode(query, doseq=True)
            # Two slashes, or backslashes, in front would make another site of a path.
            target = quote("/" + request.scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")
        if not hmac.compare_digest(shown.encode("utf-8", "replace"), self._token.encode()):
            return render(request, "enter.html.j2", status_code=403, wrong=bool(shown), enter=ENTER)
        response = RedirectResponse(target, 303)
        response.headers.append("set-cookie", _cookie(request, "entry", ours))
        return response


def signed(secret: bytes, text: str) -> str:
    """What only this process can make of a text."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


async def form_of(request: Request, *, most_bytes: int = BODY_BYTES) -> dict[str, str]:
    """The fields of a form of ours; of a field that comes twice the last one.

    Raises:
        UsageError: It is too large, too slow, or was not sent from a page of ours.
    """
    form = await _fields(request, most_bytes)
    if not hmac.compare_digest(form.pop(FIELD, "").encode("utf-8", "replace"), request.state.csrf.encode()):
        raise UsageError("This form is from before the program was started again: load the page again.")
    return form


async def _fields(request: Request, most_bytes: int = BODY_BYTES) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise UsageError("That is no form: use the page.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > most_bytes:
                    raise UsageError(f"That is more than {most_bytes:,} bytes: send less.")
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except (TimeoutError, ClientDisconnect):
        raise UsageError("The form did not arrive in time: send it again.") from None
    except UsageError:
        raise
    except ValueError:
        raise UsageError("That form cannot be read: load the page again.") from None
    return {name: values[-1] for name, values in fields.items()}


def _from_here(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is not None:
        host = request.headers["host"].lower()
        return origin.lower() in {f"http://{host}", f"https://{host}"}
    return request.headers.get("sec-fetch-site") == "same-origin"


def _built_in_elsewhere(request: Request) -> bool:
    """Whether a page of another site, or of another port, wants it as an image, a script, a frame or data.

    A link from there to here is fine. Browsers before 2023 don't tell; the other headers stand in the way then.
    """
    if request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return False
    is_link = (
        request.headers.get("sec-fetch-mode") == "navigate" and request.headers.get("sec-fetch-dest") == "document"
    )
    return not (is_link and request.method in _SAFE)


def _cookie_name(request: Request, what: str) -> str:
    """Browsers send a host's cookies to all its ports, so the port has to be in the name."""
    host = _HOST.fullmatch(request.headers.get("host", "").lower())
    return f"creator_{what}_{host['port'] or '80'}" if host else f"creator_{what}"


def _cookie(request: Request, what: str, value: str) -> str:
    # Not "Strict": who follows a link from a mail would have no session, and get a new one over the old.
    return f"{_cookie_name(request, what)}={value}; Path=/; HttpOnly; SameSite=Lax"


def _plain(text: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(text + "\n", status)
