"""A real OpenAI-compatible HTTP server on loopback, whose answers and faults are scripted.

It fills whatever JSON Schema a request names with valid values, writes a module where one is asked for, and judges.
``python tests/scripted_server.py --latency 1`` prints its address and serves until it is ended.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Fault = Callable[[int, dict[str, Any]], str | None]
"""Gets the call's number, from 1, and the request; names what goes wrong, or None.

It is a status such as ``429`` (and a message, which may begin with a code: ``400 [content_filter] no``); ``hang``,
``dribble`` (byte after byte, without an end), ``drop`` (half an answer), ``html`` or ``blank`` (no completion at all);
``refusal`` or ``filtered``; ``empty``, ``truncated``, ``fenced``, ``prose`` or ``nonsense``; where a module is asked
for also ``bad import`` (the policy refuses it) and ``bad code`` (it passes the policy, and fails when it is asked to
propose). Any other text is the answer.
"""

REFUSAL = "I'm sorry, but I can't help with that."
TEMPLATES = Path(__file__).parent.parent / "templates"
PAGE = b"<html><body>Welcome to the start page of this server</body></html>"

Prefer = Callable[[dict[str, str], dict[str, str]], str]
"""Gets two ideas as a judge is shown them, A and B, and names the one that is preferred: ``A`` or ``B``."""

MODULE_WANTED = "Answer with one Python module"
"""What the system message says when a module is asked for."""

NAMES = [
    "Ada",
    "Ben",
    "Cleo",
    "Dan",
    "Eva",
    "Finn",
    "Gita",
    "Hugo",
    "Ines",
    "Jan",
    "Kira",
    "Leo",
    "Mona",
    "Nils",
    "Olga",
    "Per",
    "Quin",
    "Rosa",
    "Sven",
    "Tara",
]


def prefer_alphabetically(first: dict[str, str], second: dict[str, str]) -> str:
    """The idea whose text comes first alphabetically, in whichever order they are shown."""
    return "A" if json.dumps(first) <= json.dumps(second) else "B"


def prefer_first(first: dict[str, str], second: dict[str, str]) -> str:
    """Whatever is shown first."""
    return "A"


def prefer_lower_number(first: dict[str, str], second: dict[str, str]) -> str:
    """The idea with the lower number in its title."""
    one, other = (int(re.findall(r"\d+", idea["title"])[0]) for idea in (first, second))
    return "A" if one < other else "B"


def coin(seed: int) -> Prefer:
    """A judge that doesn't read what it judges."""
    draws = random.Random(seed)
    return lambda first, second: draws.choice("AB")


class ScriptedServer:
    """Counts and answers calls.

    Args:
        latency: Seconds that each answer takes.
        fault: Decides which calls go wrong and how.
        prefer: How it judges pairs of ideas.
        at_once: How many calls it takes at the same time; more are turned away with 429. None for any number.

    Attributes:
        headers: More headers of each reply.
        turned_away: How many calls were too many.
    """

    def __init__(
        self,
        latency: float = 0.0,
        fault: Fault | None = None,
        prefer: Prefer = prefer_alphabetically,
        at_once: int | None = None,
    ) -> None:
        self.latency = latency
        self.fault = fault
        self.prefer = prefer
        self.at_once = at_once
        self.headers: dict[str, str] = {}
        self.turned_away = 0
        self.requests: list[dict[str, Any]] = []
        self.times: list[tuple[float, float]] = []
        self.active = 0
        self.most_active = 0
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                owner._connections.add(self.connection)

            def finish(self) -> None:
                owner._connections.discard(self.connection)
                super().finish()

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body["path"] = self.path
                owner._answer(self, body)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256
            block_on_close = False

        self._listen = lambda port: Server(("127.0.0.1", port), Handler)
        self._server = self._listen(0)
        self._port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self._port}/v1"

    @property
    def calls(self) -> int:
        return len(self.requests)

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def go_down(self) -> None:
        """End like a process that is killed: nobody listens any more, and open connections break."""
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Listen again where it listened before."""
        self._server = self._listen(self._port)
        self.start()

    def _answer(self, handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
            self.active += 1
            too_many = self.at_once is not None and self.active > self.at_once
            self.turned_away += too_many
            if not too_many:
                self.most_active = max(self.most_active, self.active)
        started = time.monotonic()
        try:
            fault = self.fault(number, request) if self.fault is not None else None
            if fault == "hang":
                self.released.wait(120)
                return
            if too_many:
                fault = "429 too many calls at once"
            elif self.latency:
                time.sleep(self.latency)
            status, headers, body = self._reply(number, request, fault)
            data = {"html": PAGE, "blank": b""}.get(fault or "", json.dumps(body).encode())
            if "Date" in self.headers:
                handler.send_response_only(status)
            else:
                handler.send_response(status)
            for name, value in {
                **headers,
                **self.headers,
                "Content-Type": "text/html" if fault == "html" else "application/json",
                "Content-Length": str(len(data)),
            }.items():
                handler.send_header(name, value)
            handler.end_headers()
            if fault == "dribble":
                for _ in range(len(data) - 1):
                    handler.wfile.write(b" ")
                    if self.released.wait(0.02):
                        return
            elif fault == "drop":
                handler.wfile.write(data[: len(data) // 2])
                handler.close_connection = True
            else:
                handler.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with self._lock:
                self.active -= 1
                self.times.append((started, time.monotonic()))

    def _reply(self, number: int, request: dict[str, Any], fault: str | None) -> tuple[int, dict[str, str], Any]:
        status, _, reason = (fault or "").partition(" ")
        if status.isdigit():
            headers = {"Retry-After": "0.05"} if status == "429" else {}
            code, _, text = reason[1:].partition("] ") if reason.startswith("[") else (None, "", reason)
            error = {"message": text or f"scripted {status}", "type": "scripted", "code": code}
            return int(status), headers, {"error": error}
        if request["path"].endswith("/embeddings"):
            return 200, {}, embeddings_reply(request, fault)
        text, finish = self._text(number, request, fault), "stop"
        match fault:
            case "bad import" | "bad code" | "html" | "blank" | "drop" | "dribble":
                pass  # in the module already, or not in the text
            case "refusal" | "filtered":
                text, finish = "", "stop" if fault == "refusal" else "content_filter"
            case "empty":
                text = ""
            case "truncated":
                text, finish = text[: len(text) // 2], "length"
            case "fenced":
                text = f"```json\n{text}\n```"
            case "prose":
                text = f"Sure! Here it is:\n\n{text}\n\nI hope that {{this}} helps."
            case "nonsense":
                text = "I would rather talk about the weather."
            case str() as raw:
                text = raw
        if request["path"].endswith("/messages"):
            return 200, {}, anthropic_reply(text, request) | ({"stop_reason": "refusal"} if fault == "refusal" else {})
        if request["path"].endswith("/api/chat"):
            return 200, {}, ollama_reply(text, request)
        usage = {"prompt_tokens": len(json.dumps(request["messages"])) // 4, "completion_tokens": len(text) // 4}
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if fault in ("refusal", "filtered"):
            message = {"role": "assistant", "content": None, "refusal": REFUSAL if fault == "refusal" else None}
        choice = {"index": 0, "finish_reason": finish, "message": message}
        return (
            200,
            {},
            {
                "id": f"c{number}",
                "object": "chat.completion",
                "created": 0,
                "model": request["model"],
                "choices": [choice],
                "usage": {**usage, "total_tokens": sum(usage.values())},
            },
        )

    def _text(self, number: int, request: dict[str, Any], fault: str | None) -> str:
        schema = request.get("response_format", {}).get("json_schema", {}).get("schema") or request.get("format")
        if request["path"].endswith("/messages"):
            schema = schema_in_words(request)
        if schema is None:
            parts = [request.get("system"), *(one["content"] for one in request["messages"] if one["role"] == "system")]
            system = "\n".join(str(one) for one in parts if one)
            return scripted_module(system, number, fault) if MODULE_WANTED in system else "Yes."
        if "preferred" in schema.get("properties", {}):
            ideas = shown_ideas(request)
            return json.dumps({"reason": "It says more.", "preferred": self.prefer(ideas["A"], ideas["B"])})
        return json.dumps({name: fill_value(name, one, number) for name, one in schema.get("properties", {}).items()})


def schema_in_words(request: dict[str, Any]) -> dict[str, Any] | None:
    """What Anthropic's service is told of the answer: the keys alone. What they hold is known of the usual template."""
    wanted = re.search(r'with the keys ("\w+"(?:, "\w+")*)', str(request["messages"][-1]["content"]))
    if wanted is None:
        return None
    slots = json.loads((TEMPLATES / "idea_agent.schema.json").read_text("utf-8"))["properties"]
    return {"properties": {name: slots.get(name, {}) for name in re.findall(r"\w+", wanted[1])}}


def shown_ideas(request: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The ideas A and B that a judge is asked about."""
    decoder = json.JSONDecoder()
    for message in request["messages"]:
        text = str(message["content"])
        for brace in re.finditer(r"\{", text):
            try:
                value, _ = decoder.raw_decode(text, brace.start())
            except ValueError:
                continue
            if value.keys() == {"A", "B"}:
                return dict(value)
    raise AssertionError("no pair of ideas in the request")


def scripted_module(system: str, number: int, fault: str | None = None) -> str:
    """The example of the prompt in a fence, with a description and a behaviour that it does not have."""
    example = re.findall(r"^```python\n(.*?)^```$", system, re.DOTALL | re.MULTILINE)[-1]
    lines = example.splitlines()
    tree = ast.parse(example)
    edits: list[tuple[int, int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "DESCRIPTION":
            persona = f"{NAMES[number % len(NAMES)]} Number{number}"
            line = f'DESCRIPTION: {ast.unparse(node.annotation)} = "{persona}, writes its own way"'
            edits.append((node.lineno, node.end_lineno or 0, line))
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            after = node.body[0].end_lineno or 0
            edits.append((after + 1, after, f"        self._objectives: list[str] = []\n        self._most = {number}"))
        elif isinstance(node, ast.AsyncFunctionDef) and "message: kit.ProposeRequest" in ast.unparse(node.args):
            after = node.body[0].end_lineno or 0
            code = "{}[message.objective]" if fault == "bad code" else "self._objectives.append(message.objective)"
            edits.append((after + 1, after, f"        {code}"))
    for start, end, line in sorted(edits, reverse=True):
        lines[start - 1 : end] = [line]
    if fault == "bad import":
        lines.append("import os")
    return "```python\n" + "\n".join(lines) + "\n```"


def embeddings_reply(request: dict[str, Any], fault: str | None = None) -> dict[str, Any]:
    """A vector for each text, last text first, that counts its words; the same words give the same vector.

    Faults: ``empty`` leaves one vector out, ``uneven`` makes one longer, ``nonsense`` gives words instead of numbers.
    """
    data = []
    for index, text in enumerate(request["input"]):
        vector: list[Any] = [0.0] * 256
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % 256] += 1.0
        vector += [1.0] if fault == "uneven" and index == 0 else []
        data.append({"object": "embedding", "index": index, "embedding": ["much"] if fault == "nonsense" else vector})
    tokens = sum(len(text) for text in request["input"]) // 4
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {
        "object": "list",
        "data": data[:0:-1] if fault == "empty" else data[::-1],
        "model": request["model"],
        "usage": usage,
    }


def anthropic_reply(text: str, request: dict[str, Any]) -> dict[str, Any]:
    """The same answer as Anthropic's service gives it."""
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 3},
    }


def ollama_reply(text: str, request: dict[str, Any]) -> dict[str, Any]:
    """The same answer as Ollama gives it."""
    return {
        "model": request["model"],
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": text},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 7,
        "eval_count": 3,
    }


def fill_value(name: str, schema: dict[str, Any], number: int) -> Any:
    """A valid value for one property, different from call to call where it is a text."""
    if "enum" in schema:
        return schema["enum"][number % len(schema["enum"])]
    match schema.get("type"):
        case "number":
            return 0.5
        case "integer":
            return 2
        case "boolean":
            return number % 2 == 0
        case "array":
            return [f"{name} {number} a", f"{name} {number} b"]
        case _:
            if name == "persona":
                return f"{NAMES[number % len(NAMES)]} Number{number}"
            text = f"A scripted {name.replace('_', ' ')} of call {number}"
            return f"{text}." if name == "title" else f"{text}: {some_words(f'{name} {number}')}."


def some_words(seed: str, count: int = 10) -> str:
    """Words that nobody else says, so that two scripted ideas have nothing in common but their frame."""
    dice = random.Random(seed)
    syllables = [one + other for one in "bdfgklmnprstvz" for other in "aeiou"]
    return " ".join("".join(dice.choices(syllables, k=3)) for _ in range(count))


@contextmanager
def scripted_server(
    latency: float = 0.0, fault: Fault | None = None, prefer: Prefer = prefer_alphabetically
) -> Iterator[ScriptedServer]:
    server = ScriptedServer(latency, fault, prefer)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds for each answer")
    with scripted_server(parser.parse_args().latency) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
