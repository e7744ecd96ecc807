"""Spans of a whole run, as they arrive at a real OTLP receiver; and what happens when there is none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from creator.cli import main
from tests.integration.test_command_line import command, environment
from tests.processes import descendants

KEY = "sk-telemetry-0123456789abcdef"
OBJECTIVE = "zebra striped umbrellas for lighthouse keepers"


class Receiver:
    """Takes spans over HTTP, as a collector does."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.headers.append({**dict(self.headers.items()), "path": self.path})
                owner.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def resources(self) -> list[dict[str, Any]]:
        requests = map(ExportTraceServiceRequest.FromString, self.bodies)
        return [values(one.resource.attributes) for request in requests for one in request.resource_spans]

    @property
    def spans(self) -> list[Span]:
        requests = map(ExportTraceServiceRequest.FromString, self.bodies)
        scopes = [scope for request in requests for one in request.resource_spans for scope in one.scope_spans]
        assert {scope.scope.name for scope in scopes} <= {"agent-creator-sandbox"}
        return [span for scope in scopes for span in scope.spans]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def values(attributes: Any) -> dict[str, Any]:
    """Attributes of the wire as Python's values."""
    found: dict[str, Any] = {}
    for one in attributes:
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        found[one.key] = [item.string_value for item in value.values] if kind == "array_value" else value
    return found


def ancestors(span: Span, spans: dict[bytes, Span]) -> list[str]:
    names = []
    while span.parent_span_id:
        span = spans[span.parent_span_id]
        names.append(span.name)
    return names


def test_a_run_is_one_trace_that_tells_no_text_and_no_key(serve: Any, receiver: Receiver) -> None:
    server = serve(fault=lambda number, request: "nonsense" if 2 <= number <= 7 else None)
    wanted = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20collector-secret",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OPENAI_API_KEY": KEY,
    }
    arguments = command(server, 2, "--objective", OBJECTIVE, "--seed", "1", "--bounce", "1", "--json")
    done = subprocess.run(arguments, capture_output=True, env=environment(**wanted), timeout=120)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert receiver.headers[0]["path"] == "/v1/traces"
    assert receiver.headers[0]["authorization"] == "Bearer collector-secret"
    for resource in receiver.resources:
        assert resource["service.name"] == "agent-creator-sandbox"
        assert resource["deployment.environment.name"] == "test"

    spans = {span.span_id: span for span in receiver.spans}
    assert len({span.trace_id for span in spans.values()}) == 1
    roots = [span for span in spans.values() if not span.parent_span_id]
    assert [root.name for root in roots] == ["run"]
    assert all(span.parent_span_id in spans for span in spans.values() if span.parent_span_id)
    run = values(roots[0].attributes)
    assert (run["creator.run.id"], run["creator.run.ideas"], run["creator.run.exit_code"]) == (outcome["run_id"], 2, 0)
    assert roots[0].status.code == Status.STATUS_CODE_UNSET

    births = [span for span in spans.values() if span.name == "birth"]
    assert {values(span.attributes)["creator.agent.name"] for span in births} == {
        agent["name"] for agent in outcome["agents"]
    }
    tries = [values(span.attributes) for span in spans.values() if span.name == "birth try"]
    assert sum("error.type" in one for one in tries) == sum(agent["attempts"] - 1 for agent in outcome["agents"])
    assert any(one.get("creator.birth.stage") == "model" for one in tries)
    assert len(tries) == sum(agent["attempts"] for agent in outcome["agents"])

    calls = [span for span in spans.values() if span.name == "chat scripted"]
    for call in calls:
        told = values(call.attributes)
        assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("chat", "openai")
        assert told["gen_ai.request.model"] == "scripted"
        assert told["gen_ai.usage.input_tokens"] > 0 and told["gen_ai.response.finish_reasons"] == ["stop"]
        assert call.kind == Span.SPAN_KIND_CLIENT
    assert sum(values(call.attributes)["gen_ai.usage.input_tokens"] for call in calls) == outcome["prompt_tokens"]
    above = [ancestors(call, spans) for call in calls]
    assert any(names[-3:] == ["birth try", "birth", "run"] for names in above), "the Creator asks for a template"
    agent = outcome["ideas"][0]["author"]
    assert ["process model_gateway", f"request {agent}", "run"] in above, "an agent asks in the trace of its request"
    compared = [values(span.attributes) for span in spans.values() if span.name == "comparison"]
    assert {(one["creator.comparison.first"], one["creator.comparison.second"]) for one in compared} == {(1, 2), (2, 1)}
    assert any("comparison" in names for names in above)

    everything = b"\n".join(receiver.bodies)
    texts = [version["idea"]["title"] for idea in outcome["ideas"] for version in idea["versions"]]
    prompts = [message["content"][:60] for request in server.requests for message in request["messages"]]
    for secret in (KEY, "collector-secret", OBJECTIVE, "zebra", *texts, *prompts):
        assert secret.encode() not in everything, secret


def test_ctrl_c_sends_what_there_is_and_cells_know_nothing_of_it(serve: Any, receiver: Receiver) -> None:
    asked = threading.Event()

    def fault(number: int, request: dict[str, Any]) -> str | None:
        if "first_step" not in str(request.get("response_format")):
            return None
        asked.set()
        return "hang"

    server = serve(fault=fault)
    # No schedule comes to pass in a test: what arrives was sent at the end.
    wanted = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{receiver.url}/mine", "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    arguments = command(server, 1)
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(**wanted)) as run:
        assert asked.wait(60)
        below = [pid for pid, _ in descendants(run.pid)]
        environments = []
        for pid in below:
            with suppress(OSError):
                environments.append(Path(f"/proc/{pid}/environ").read_bytes())
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=30)
    assert environments and not any(b"OTEL" in one or receiver.url.encode() in one for one in environments)
    assert run.returncode == 130, out + err
    assert b"Traceback" not in err and b"could not be sent" not in err
    assert receiver.headers[0]["path"] == "/mine"
    (whole,) = [span for span in receiver.spans if span.name == "run"]
    told = values(whole.attributes)
    assert (told["creator.run.interrupted"], told["error.type"], told["creator.run.exit_code"]) == (
        True,
        "interrupted",
        130,
    )
    assert "birth" in {span.name for span in receiver.spans}


def test_a_receiver_that_is_away_costs_one_line(serve: Any) -> None:
    wanted = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "otlp"}
    done = subprocess.run(command(serve(), 1, "--json"), capture_output=True, env=environment(**wanted), timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["ideas"]) == 1
    assert b"Traceback" not in done.stderr
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith("creator: ") and last.endswith(" spans could not be sent to http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TRACES_EXPORTER": "zipkin"}, "'zipkin' does not fit, use otlp, console or none"),
        ({"EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "it has to be an address such as"),
        ({"EXPORTER_OTLP_TRACES_ENDPOINT": "http://me:pw@[::1"}, "'(an address that cannot be read)'"),
        ({"EXPORTER_OTLP_PROTOCOL": "grpc"}, "only http/protobuf is there"),
        ({"EXPORTER_OTLP_HEADERS": "sk-hidden"}, "OTEL_EXPORTER_OTLP_HEADERS: an entry is not of the form name=value."),
        ({"EXPORTER_OTLP_TIMEOUT": "soon"}, "'soon' does not fit"),
        ({"EXPORTER_OTLP_COMPRESSION": "zip"}, "use none, gzip or deflate"),
        ({"EXPORTER_OTLP_CERTIFICATE": "missing.pem"}, "there is no such file"),
        ({"TRACES_SAMPLER": "sometimes"}, "use always_on"),
        ({"TRACES_SAMPLER": "traceidratio", "TRACES_SAMPLER_ARG": "2"}, "a number from 0 to 1"),
        ({"BSP_MAX_QUEUE_SIZE": "none"}, "a whole number above 0"),
        ({"BSP_MAX_QUEUE_SIZE": "5"}, "The OTEL_ variables do not fit together: max_export_batch_size"),
        ({"RESOURCE_ATTRIBUTES": "a b"}, "not of the form name=value"),
    ],
)
def test_a_wrong_value_is_one_line_before_anything_is_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_{name}", value)
    assert main(["spawn", "1", "--quiet"]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert "hidden" not in err and "pw" not in err
    assert not Path("generated").exists()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    ],
)
def test_nothing_is_imported_unless_somebody_wants_it(variables: dict[str, str]) -> None:
    code = (
        "import sys\nfrom creator.telemetry.export import exported_spans\n"
        "with exported_spans(quiet=False):\n    import creator.spawning\n"
        "assert not any('opentelemetry.sdk' in name or 'otlp' in name for name in sys.modules)"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    subprocess.run([sys.executable, "-c", code], env={**env, **variables}, check=True, timeout=60)


def test_the_console_gets_a_line_a_span_on_stderr(serve: Any) -> None:
    done = subprocess.run(
        command(serve(), 1, "--json", "--no-tournament"),
        capture_output=True,
        env=environment(OTEL_TRACES_EXPORTER="console"),
        timeout=120,
    )
    assert done.returncode == 0 and json.loads(done.stdout)["exit_code"] == 0
    spans = [json.loads(line) for line in done.stderr.decode().splitlines() if line.startswith("{")]
    assert {"run", "birth", "birth try", "chat scripted"} <= {span["name"] for span in spans}
