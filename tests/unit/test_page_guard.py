"""What the pages answer to browsers that were sent by somebody else, and to programs that are no browsers."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from creator.web import make_app
from creator.web.listening import listen
from creator.web.security import BODY_BYTES, form_of
from creator.web.serving import PatientProtocol, make_server

HERE = "http://127.0.0.1:8000"
TOKEN = "a-token-of-somebody-1"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def with_form(app: Starlette) -> Starlette:
    """The application with a page that has a form, one that fails, and one that says what it was sent."""

    async def sent(request: Request) -> Response:
        if request.method == "GET":
            return PlainTextResponse(request.state.csrf)
        return PlainTextResponse(repr(await form_of(request)))

    async def broken(request: Request) -> Response:
        raise RuntimeError(f"the secret is {TOKEN}")

    app.router.routes[:0] = [Route("/form", sent, methods=["GET", "POST"]), Route("/broken", broken)]
    return app


def client(tmp_path: Path, **options: object) -> TestClient:
    app = with_form(make_app(tmp_path, hosts=["127.0.0.1", "localhost", "::1"], **options))  # type: ignore[arg-type]
    return TestClient(app, base_url=HERE, follow_redirects=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "LOCALHOST:1", "[::1]:8000", "[0:0::1]:8000"])
def test_our_names_are_known_whatever_the_port(tmp_path: Path, host: str) -> None:
    assert client(tmp_path).get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "10.0.0.1", "", "[::1", "a@127.0.0.1", "[::1]evil",
     "127.0.0.1:8000:9", "127.0.0.1 ", "localhost.", "127.0.0.1/x"],
)  # fmt: skip
def test_another_name_that_leads_here_reads_nothing(tmp_path: Path, host: str) -> None:
    """DNS rebinding: a site lets its own name point to this machine."""
    answer = client(tmp_path, any_address=False).get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "Runs" not in answer.text


def test_where_any_address_is_fine_a_name_still_is_not(tmp_path: Path) -> None:
    page = client(tmp_path, any_address=True)
    assert page.get("/", headers={"host": "192.168.1.7:8000"}).status_code == 200
    assert page.get("/", headers={"host": "[fe80::1]:8000"}).status_code == 200
    assert page.get("/", headers={"host": "evil.example:8000"}).status_code == 421


def test_a_form_needs_our_origin_and_its_own_field(tmp_path: Path) -> None:
    page = client(tmp_path)
    csrf = page.get("/form").text
    body = {"csrf": csrf, "name": "Ada"}
    ours = {"origin": HERE}
    assert page.post("/form", data=body, headers=ours).text == "{'name': 'Ada'}"
    assert page.post("/form", data=body, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    for origin in ("http://evil.example", "null", "http://127.0.0.1:8001", "http://127.0.0.1", "file://", ""):
        assert page.post("/form", data=body, headers={"origin": origin}).status_code == 403, origin
    assert page.post("/form", data=body).status_code == 403
    for site in ("cross-site", "same-site", "none"):
        assert page.post("/form", data=body, headers={"sec-fetch-site": site}).status_code == 403
    assert page.post("/form", data=body, headers={**ours, "sec-fetch-site": "cross-site"}).status_code == 403
    # From here, but by a page that could not read the form: what it sends says nothing.
    for wrong in ("", "0" * 64, "ä" * 64):
        refused = page.post("/form", data={**body, "csrf": wrong}, headers=ours)
        assert refused.status_code == 422
        assert "load the page again" in refused.text
    page.cookies.clear()
    assert page.post("/form", data=body, headers=ours).status_code == 422, "of another session"


def test_only_forms_of_a_sane_size_are_read(tmp_path: Path) -> None:
    page = client(tmp_path)
    csrf = page.get("/form").text
    ours = {"origin": HERE, **FORM}
    large = f"csrf={csrf}&x=" + "x" * BODY_BYTES
    assert page.post("/form", content=large, headers=ours).status_code == 413
    assert page.post("/form", content=(part for part in [large.encode()]), headers=ours).status_code == 422
    assert page.post("/form", content="&".join(f"a{n}=1" for n in range(500)), headers=ours).status_code == 422
    assert page.post("/form", content=b"csrf=\xff", headers=ours).status_code == 422
    assert page.post("/form", json={"csrf": csrf}, headers={"origin": HERE}).status_code == 422


def test_other_sites_may_link_here_and_build_in_nothing(tmp_path: Path) -> None:
    page = client(tmp_path)
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert page.get("/", headers=link).status_code == 200
    for changed in ({"sec-fetch-dest": "iframe"}, {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}):
        assert page.get("/", headers={**link, **changed}).status_code == 403
        assert page.get("/", headers={**link, **changed, "sec-fetch-site": "same-site"}).status_code == 403


def test_every_answer_says_what_a_browser_may_do(tmp_path: Path) -> None:
    page = client(tmp_path)
    for path in ("/", "/nothing", "/static/style.css", "/static/nothing", "/runs/20260101-000000-aaaa", "/broken"):
        answer = page.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert page.head("/").status_code == 200
    assert page.head("/").text == ""
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
        assert page.request(method, "/").status_code == 405


def test_an_accident_tells_nothing_of_the_program(tmp_path: Path) -> None:
    answer = client(tmp_path).get("/broken")
    assert answer.status_code == 500
    assert not {TOKEN, "Error", "Traceback", "creator/"} & set(re.findall(r"[\w/-]+", answer.text))


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/static/%00",
     "/runs/..%2f..%2fetc", "/runs/%2e%2e", "/runs/x%0d%0aSet-Cookie:%20a=b", "/runs/" + "9" * 5_000],
)  # fmt: skip
def test_paths_lead_to_nothing_but_pages_and_our_own_files(tmp_path: Path, path: str) -> None:
    answer = client(tmp_path).get(path)
    assert answer.status_code in {404, 400}
    assert "root:" not in answer.text and "make_app" not in answer.text


def test_sessions_of_two_ports_do_not_meet(tmp_path: Path) -> None:
    page = client(tmp_path)
    cookies = [
        page.get("/", headers={"host": f"127.0.0.1:{port}"}).headers["set-cookie"].partition("=")[0]
        for port in (8000, 8001)
    ]
    assert cookies == ["creator_session_8000", "creator_session_8001"]
    cookie = client(tmp_path).get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie


def test_without_the_token_there_is_only_the_question_for_it(tmp_path: Path) -> None:
    page = client(tmp_path, token=TOKEN)
    for path in ("/", "/runs/latest", "/form", "/?token=wrong", f"/?token={TOKEN}x", "/?token=%ff"):
        answer = page.get(path)
        assert answer.status_code == 403, path
        assert TOKEN not in answer.text and "No runs" not in answer.text
    assert page.post("/form", headers={"origin": HERE}).status_code == 403
    assert page.get("/static/style.css").status_code == 200

    entered = page.get(f"/runs/latest?token={TOKEN}&a=1%262")
    assert (entered.status_code, entered.headers["location"]) == (303, "/runs/latest?a=1%262")
    assert TOKEN not in entered.headers["set-cookie"]
    assert page.get("/").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "//evil.example/..", "/%5cevil.example"])
def test_the_token_leads_to_no_other_site(tmp_path: Path, path: str) -> None:
    answer = client(tmp_path, token=TOKEN).get(f"{HERE}{path}?token={TOKEN}")
    assert answer.status_code == 303
    assert re.match(r"/(?![/\\])", answer.headers["location"])


def test_the_token_can_be_written_into_a_form(tmp_path: Path) -> None:
    page = client(tmp_path, token=TOKEN)
    ours = {"origin": HERE}
    assert "That is not the token" in page.post("/enter", data={"token": "no"}, headers=ours).text
    assert page.post("/enter", data={"token": TOKEN}, headers={"origin": "http://evil.example"}).status_code == 403
    entered = page.post("/enter", data={"token": TOKEN}, headers=ours)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert page.get("/").status_code == 200
    stranger = client(tmp_path, token=TOKEN)  # of another process: what it signs is its own
    stranger.cookies.update(page.cookies)
    assert stranger.get("/").status_code == 403


@pytest.fixture
def connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], socket.socket]]:
    """Connections to a server that waits for half a second."""
    monkeypatch.setattr(PatientProtocol, "patience", 0.5)
    listening = listen("127.0.0.1", 0)
    server = make_server(with_form(make_app(tmp_path, hosts=["127.0.0.1"])))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening.socket]})
    thread.start()
    opened: list[socket.socket] = []

    def start() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", listening.port), timeout=20))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def answered(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    found = b""
    while part := connection.recv(65_536):
        found += part
    return found


def test_a_connection_that_says_nothing_or_half_of_something_is_closed(connect: Callable[[], socket.socket]) -> None:
    silent, half, second = connect(), connect(), connect()
    half.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    second.sendall(b"GET /static/style.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /")
    assert answered(silent) == b""
    assert answered(half) == b""
    assert answered(second).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 80_000,
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999999999\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n",
    ],
)
def test_what_no_browser_says_is_refused(connect: Callable[[], socket.socket], request_bytes: bytes) -> None:
    connection = connect()
    connection.sendall(request_bytes)
    status = answered(connection).split(b" ", 2)[1]
    assert status[:1] == b"4"
