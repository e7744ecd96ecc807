"""No key of the user's is in the files of a run, in what it prints, or in any error, whatever a server sends back."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from creator.errors import EnvironmentFault
from creator.models.choose import choose_backend
from tests.conftest import REPOSITORY
from tests.scripted_server import Fault, ScriptedServer

CREDENTIALS = ("authorization", "x-api-key")
HOLDERS = (".env", "model.yaml")
"""Files of the user's that hold the key because the user put it there."""


class EchoingServer(ScriptedServer):
    """Sends the headers of a request back in its answers, as a proxy does whose debugging was left on.

    Attributes:
        seen: The credentials that it was sent.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__(fault=fault)
        self.seen: list[str] = []

    def _answer(self, handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        sent = {name: value for name, value in handler.headers.items() if name.lower() in CREDENTIALS}
        request["sent"] = f"{sent} for {request['path']}"
        self.seen += [*sent.values(), request["path"]]
        super()._answer(handler, request)

    def _text(self, number: int, request: dict[str, Any], fault: str | None) -> str:
        text = super()._text(number, request, fault)
        schema = request.get("response_format", {}).get("json_schema", {}).get("schema")
        if schema is None:
            return text if text.startswith("```") else f"{text} {request['sent']}"
        free = {name for name, one in schema["properties"].items() if one.get("type") == "string" and "enum" not in one}
        values = json.loads(text)
        return json.dumps(
            {name: f"{value} {request['sent']}" if name in free else value for name, value in values.items()}
        )


Echo = Callable[..., EchoingServer]


@pytest.fixture
def echo() -> Iterator[Echo]:
    """Starts echoing servers; they end with the test."""
    servers: list[EchoingServer] = []

    def start(fault: Fault | None = None) -> EchoingServer:
        server = EchoingServer(fault)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def canary() -> str:
    """A key that is nowhere else, and looks otherwise when it is encoded."""
    return f"sk-canary-{secrets.token_hex(12)}/+="


def environment(**more: str) -> dict[str, str]:
    folders = {name: str(Path(name.lower()).absolute()) for name in ("HOME", "CREATOR_CACHE_DIR")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return {**kept, **folders, "PYTHONPATH": str(REPOSITORY), **more}


def creator(*arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "creator", *arguments]
    return subprocess.run(command, capture_output=True, env=environment(**env), timeout=90)


def spawned(url: str, *options: str, model: str = "openai:x", **env: str) -> subprocess.CompletedProcess[bytes]:
    where = ["--base-url", url] if url else []
    return creator("spawn", "3", "--model", model, *where, "--sandbox", "process", *options, **env)


def forms(canary: str) -> list[bytes]:
    """How a canary looks in what it may be found in, the part of base64 that it alone decides included."""
    raw = canary.encode()
    found = [raw, quote(canary, safe="").encode(), quote(canary, safe="").lower().encode(), canary[:24].encode()]
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw)
        found += [encoded[4:-4], base64.urlsafe_b64encode(bytes(offset) + raw)[4:-4]]
    return found


def leaks(canary: str, *results: subprocess.CompletedProcess[bytes]) -> list[str]:
    """Where a canary is: in streams, and in every file below the working directory, however it is called."""
    places = {f"{name} of {one.args[3]}": getattr(one, name) for one in results for name in ("stdout", "stderr")}
    for path in Path().rglob("*"):
        places[f"the name of {path}"] = str(path).encode()
        if path.is_file() and path.name not in HOLDERS:
            places[str(path)] = path.read_bytes()
    return [place for place, data in places.items() if any(form in data for form in forms(canary))]


def latest_bytes() -> bytes:
    return b"".join(path.read_bytes() for path in Path("generated/latest/").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "options", [["--json"], [], ["--debug", "--cache"], ["--quiet", "--author", "code", "--unsafe"]]
)
def test_a_server_that_sends_the_key_back_puts_it_on_no_record(echo: Echo, canary: str, options: list[str]) -> None:
    server = echo()
    result = spawned(server.url, *options, OPENAI_API_KEY=canary)
    assert result.returncode == 0, result.stderr
    assert f"Bearer {canary}" in server.seen
    assert b"Bearer ***" in latest_bytes(), "what stands around the key is the model's text, and stays"
    agent = next(Path("generated/latest/agents").glob("*.py")).stem
    exported = [creator("agents", "export", agent, "--as", form) for form in ("component", "module")]
    read = [creator(*command, OPENAI_API_KEY=canary) for command in (["runs", "show", "--json"], ["doctor"])]
    assert [one.returncode for one in (*exported, *read[:1])] == [0, 0, 0]
    assert leaks(canary, result, *exported, *read) == []


@pytest.mark.parametrize("status", ["400", "429"])
def test_an_error_that_quotes_the_key_stops_the_run_without_it(echo: Echo, canary: str, status: str) -> None:
    server = echo(lambda number, request: f"{status} your request held {request['sent']} and so on")
    result = spawned(server.url, "--debug", OPENAI_API_KEY=canary)
    assert result.returncode == 2
    assert f"HTTP {status}".encode() in result.stderr
    assert b"Bearer ***" in result.stderr
    assert leaks(canary, result) == []


def test_errors_in_the_middle_of_a_run_are_on_record_without_the_key(echo: Echo, canary: str) -> None:
    statuses = {2: "400", 3: "401", 4: "429", 5: "500", 7: "403", 8: "422", 9: "404"}

    def fault(number: int, request: dict[str, Any]) -> str | None:
        return f"{statuses[number]} you sent {request['sent']}" if number in statuses else None

    result = spawned(echo(fault).url, "--no-tournament", "--debug", OPENAI_API_KEY=canary)
    assert result.returncode in {0, 1, 3}, result.stderr
    assert b"HTTP 401" in latest_bytes()
    assert leaks(canary, result) == []


async def test_a_text_that_is_cut_within_the_key_holds_no_part_of_it(echo: Echo, canary: str) -> None:
    said = iter([f"401 {'x' * length} {canary}" for length in range(200, 300)])
    server = echo(lambda number, request: next(said))
    async with choose_backend("openai:x", server.url, {"OPENAI_API_KEY": canary}, progress=print) as backend:
        for _ in range(100):
            with pytest.raises(EnvironmentFault, match="HTTP 401") as caught:
                await backend.check()
            assert "canary" not in str(caught.value)


@pytest.mark.parametrize("form", ["password", "token", "parameter"])
def test_a_key_in_the_address_of_a_server_is_shown_nowhere(echo: Echo, canary: str, form: str) -> None:
    server = echo(lambda number, request: f"500 {request['sent']}" if number == 3 else None)
    written = quote(canary, safe="")
    url = {
        "password": server.url.replace("//", f"//me:{written}@"),
        "token": server.url.replace("//", f"//{written}@"),
        "parameter": f"{server.url}?api_key={written}",
    }[form]
    result = spawned(url, OPENAI_API_KEY="sk-another-key")
    assert result.returncode == 0, result.stderr
    assert any(one in sent.encode() for sent in server.seen for one in forms(canary)), "the server was told the key"
    settings = json.loads(Path("generated/latest/settings.json").read_text("utf-8"))
    assert settings["base_url"] == server.url
    assert f"on {server.url}".encode() in result.stderr
    assert leaks(canary, result) == []
    wrong = spawned(url.replace("http:", "htp:"))
    assert wrong.returncode == 2
    assert leaks(canary, wrong) == []


def test_a_key_in_a_component_file_stays_there(echo: Echo, canary: str) -> None:
    server = echo(lambda number, request: f"500 {request['sent']}" if number == 3 else None)
    other = f"sk-header-{secrets.token_hex(12)}"
    Path("model.yaml").write_text(
        json.dumps(
            {
                "provider": "OpenAIChatCompletionClient",
                "config": {
                    "model": "x",
                    "api_key": canary,
                    "base_url": server.url,
                    "default_headers": {"X-API-Key": other},
                },
            }
        ),
        encoding="utf-8",
    )
    result = spawned("", model="model.yaml")
    assert result.returncode == 0, result.stderr
    assert {f"Bearer {canary}", other} <= set(server.seen)
    assert leaks(canary, result) == leaks(other, result) == []


def test_a_key_that_a_package_finds_by_itself_is_masked_too(echo: Echo, canary: str) -> None:
    server = echo()
    config = {"model": "x", "base_url": server.url}
    text = json.dumps({"provider": "OpenAIChatCompletionClient", "config": config})
    Path("model.yaml").write_text(text, encoding="utf-8")
    result = spawned("", model="model.yaml", OPENAI_API_KEY=canary)
    assert result.returncode == 0, result.stderr
    assert f"Bearer {canary}" in server.seen
    assert leaks(canary, result) == []


def test_a_key_in_a_dotenv_file_stays_there(echo: Echo, canary: str) -> None:
    server = echo()
    Path(".env").write_text(f"OPENAI_API_KEY='{canary}'\n", encoding="utf-8")
    result = spawned(server.url, "--debug")
    assert result.returncode == 0, result.stderr
    assert f"Bearer {canary}" in server.seen
    assert leaks(canary, result) == []


@pytest.mark.parametrize("status", ["", "401"])
def test_the_key_of_another_provider_is_no_less_secret(echo: Echo, canary: str, status: str) -> None:
    def fault(number: int, request: dict[str, Any]) -> str | None:
        return f"{status} you sent {request['sent']}".strip() if number > 1 else None

    server = echo(fault)
    url = server.url.removesuffix("/v1")
    result = spawned(url, "--deadline", "15", "--debug", model="anthropic:x", ANTHROPIC_API_KEY=canary)
    assert result.returncode == 1, result.stderr
    assert canary in server.seen
    assert leaks(canary, result) == []


@pytest.mark.parametrize(("provider", "tail"), [("openai", "\nX-Evil: 1"), ("anthropic", "é")])
def test_a_key_that_no_header_can_carry_is_refused_in_one_line(
    echo: Echo, canary: str, provider: str, tail: str
) -> None:
    server = echo()
    variable = f"{provider.upper()}_API_KEY"
    result = spawned(server.url, "--debug", model=f"{provider}:x", **{variable: canary + tail})
    assert result.returncode == 2
    assert server.seen == []
    assert f"creator: the key in {variable} holds".encode() in result.stderr
    assert leaks(canary, result) == []
    Path("model.yaml").write_text(
        json.dumps({"provider": "OpenAIChatCompletionClient", "config": {"model": "x", "api_key": canary + tail}}),
        encoding="utf-8",
    )
    result = spawned("", "--debug", model="model.yaml")
    assert result.returncode == 2
    assert leaks(canary, result) == []


def test_the_write_ahead_log_of_a_killed_run_holds_no_key(echo: Echo, canary: str) -> None:
    server = echo(lambda number, request: f"401 you sent {request['sent']}" if number == 4 else None)
    command = [sys.executable, "-m", "creator", "spawn", "3", "--model", "openai:x", "--base-url", server.url]
    with subprocess.Popen(
        [*command, "--sandbox", "process"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(OPENAI_API_KEY=canary),
    ) as process:
        assert process.stderr is not None
        told = b""
        while b"idea 1/" not in told:
            line = process.stderr.readline()
            assert line, told
            told += line
        process.send_signal(signal.SIGKILL)
        told += process.stderr.read()
    (log,) = Path("generated").glob("2*/ledger.sqlite-wal")
    assert b"Bearer ***" in log.read_bytes()
    assert b"canary" not in told
    assert leaks(canary) == []
