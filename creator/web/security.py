"""What stands between a browser and the pages.

A page of another site must not read or change anything here, whatever it makes the browser do, and a name that points
to this machine by DNS must not either. So the Host header has to be one of ours, changes have to come from our own
pages (Origin or Sec-Fetch-Site, and a token in each form), and whoever reaches us from elsewhere shows a token first.
Every answer carries a content security policy that lets the browser run and fetch nothing but our own files.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from creator.errors import UsageError

SESSION: Final = "creator_session"
ENTRY: Final = "creator_entry"
FIELD: Final = "csrf"
"""The name of the form field that proves that a form is ours."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_SAFE: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Guard:
    """Lets a request through, or refuses it.

    Args:
        app: The pages.
        hosts: Names and addresses, without a port, that a browser may reach us by.
        token: What a visitor has to show once; None for none.
        secret: What sessions are signed with.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], token: str | None, secret: bytes) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request = Request(scope)
        fresh = ""
        answer: ASGIApp | None = self._refusal(request) or self._entry(request)
        if answer is None:
            session = request.cookies.get(SESSION, "")
            if not _well_formed(session):
                session = fresh = secrets.token_urlsafe(24)
            scope.setdefault("state", {})["csrf"] = signed(self._secret, session)
            answer = self._app

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if fresh:
                    headers.append("set-cookie", f"{SESSION}={fresh}; Path=/; HttpOnly; SameSite=Strict")
            await send(message)

        await answer(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        if _host_name(request.headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("This page is not known by that name.\n", 421)
        if request.method not in {*_SAFE, "POST"}:
            return PlainTextResponse("Pages are read or sent here, nothing else.\n", 405)
        if request.method == "POST" and not _from_here(request):
            return PlainTextResponse("A page of another site may change nothing here.\n", 403)
        return None

    def _entry(self, request: Request) -> Response | None:
        """What somebody gets who has not shown the token; None for everybody else."""
        if self._token is None:
            return None
        ours = signed(self._secret, self._token)
        if hmac.compare_digest(request.cookies.get(ENTRY, "").encode(), ours.encode()):
            return None
        query = parse_qs(request.url.query, keep_blank_values=True)
        shown = query.pop("token", [""])[0]
        if not hmac.compare_digest(shown.encode(), self._token.encode()):
            return PlainTextResponse("Open the address that the program printed: it holds the token.\n", 401)
        rest = urlencode(query, doseq=True)
        # Two slashes in front would make another site of a path.
        path = "/" + request.url.path.lstrip("/")
        response = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
        response.set_cookie(ENTRY, ours, httponly=True, samesite="strict")
        return response


def signed(secret: bytes, text: str) -> str:
    """What only this process can make of a text."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


async def form_of(request: Request, *, most_bytes: int = 1_000_000) -> dict[str, str]:
    """The fields of a form of ours; of a field that comes twice the last one.

    Raises:
        UsageError: It is too large, or was not sent from a page of ours.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise UsageError(f"That is more than {most_bytes:,} bytes: send less.")
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise UsageError("That form cannot be read: load the page again.") from None
    form = {name: values[-1] for name, values in fields.items()}
    if not hmac.compare_digest(form.pop(FIELD, "").encode(), request.state.csrf.encode()):
        raise UsageError("This form is from before the program was started again: load the page again.")
    return form


def _from_here(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host", "") and origin != "null"
    return request.headers.get("sec-fetch-site") == "same-origin"


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _well_formed(session: str) -> bool:
    return len(session) == 32 and session.isascii()
