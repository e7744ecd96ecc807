"""A scripted model that serves many callers at little cost: the answers of `tests.scripted_server`, on one event loop.

``python -m benchmarks.scripted_model --latency 1`` prints its address and serves until it is ended. What it did so far
is told at ``/figures``, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.scripted_server import fill_value

MAX_HEAD_BYTES: Final = 65_536
FIGURES: Final = "/figures"


@dataclass
class Figures:
    """What a scripted model did.

    Attributes:
        calls: Completions that it gave.
        seconds: Time that these took from the whole request to the whole answer, all together.
        cpu_seconds: Processor time of its process.
        most_at_once: Completions under way at the same time, at most.
        turned_away: Calls that were too many at once, and got 429.
    """

    calls: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    most_at_once: int = 0
    turned_away: int = 0


class ScriptedModel:
    """Answers with valid values for whatever schema it is asked for.

    Args:
        latency: Seconds that each answer takes.
        at_once: How many calls it takes at the same time; None for any number.
    """

    def __init__(self, latency: float, at_once: int | None = None) -> None:
        self.figures = Figures()
        self._latency = latency
        self._at_once = at_once
        self._numbers = 0
        self._active = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with any number of requests one after the other."""
        try:
            while True:
                path, body = await _read_request(reader)
                status = "200 OK"
                if path == FIGURES:
                    answer = self._told()
                elif self._at_once is not None and self._active >= self._at_once:
                    self.figures.turned_away += 1
                    status, answer = "429 Too Many Requests", {"error": {"message": "too many calls at once"}}
                else:
                    answer = await self._complete(json.loads(body))
                data = json.dumps(answer).encode()
                head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
                writer.write(head.encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the caller has gone
        finally:
            writer.close()

    def _told(self) -> dict[str, Any]:
        self.figures.cpu_seconds = time.process_time()
        return asdict(self.figures)

    async def _complete(self, request: dict[str, Any]) -> dict[str, Any]:
        started = time.monotonic()
        self._active += 1
        self.figures.most_at_once = max(self.figures.most_at_once, self._active)
        self._numbers += 1
        answer = _answer(self._numbers, request)
        await asyncio.sleep(self._latency)
        self._active -= 1
        self.figures.calls += 1
        self.figures.seconds += time.monotonic() - started
        return answer


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.casefold(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return first.split()[1], await reader.readexactly(int(headers.get("content-length", "0")))


def _answer(number: int, request: dict[str, Any]) -> dict[str, Any]:
    schema = request.get("response_format", {}).get("json_schema", {}).get("schema")
    properties = (schema or {}).get("properties", {})
    values = {name: fill_value(name, one, number) for name, one in properties.items()}
    text = json.dumps(values) if schema is not None else "Yes."
    read, written = len(json.dumps(request["messages"])) // 4, len(text) // 4
    return {
        "id": f"c{number}",
        "object": "chat.completion",
        "created": 0,
        "model": request["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


async def _serve(latency: float, at_once: int | None) -> None:
    model = ScriptedModel(latency, at_once)
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0, limit=MAX_HEAD_BYTES, backlog=1_024)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds for each answer")
    parser.add_argument("--at-once", type=int, help="calls at the same time, more get 429; any number by default")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.latency, arguments.at_once))


if __name__ == "__main__":
    main()
