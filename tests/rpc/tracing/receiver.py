"""A real OTLP/HTTP receiver on a free port: decodes what it gets with the protocol's own messages, or misbehaves."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service_pb
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass
class Receiver:
    """What came, and what is answered. `before_answer` runs in the thread of each request."""

    url: str = ""
    requests: list[service_pb.ExportTraceServiceRequest] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """Answered one after the other; 200 once they are used up."""
    answer_headers: dict[str, str] = field(default_factory=dict)
    rejected_spans: int = 0
    before_answer: Callable[[], object] = lambda: None

    @property
    def spans(self) -> list[trace_pb2.Span]:
        """Every span that was taken, in order."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for(self, count: int) -> list[trace_pb2.Span]:
        """The spans, once there are that many; gives up after ten seconds."""
        end = time.monotonic() + 10
        while len(self.spans) < count:
            assert time.monotonic() < end, f"waited in vain for {count} spans, got {len(self.spans)}"
            time.sleep(0.01)
        return self.spans


def value_of(value: common_pb2.AnyValue) -> Any:
    """An attribute's value as Python has it."""
    return getattr(value, value.WhichOneof("value") or "string_value")


def attributes_of(span: trace_pb2.Span) -> dict[str, Any]:
    """The attributes of a span; each key must be there once."""
    attributes = {one.key: value_of(one.value) for one in span.attributes}
    assert len(attributes) == len(span.attributes)
    return attributes


@contextlib.contextmanager
def receiving(receiver: Receiver | None = None, port: int = 0) -> Iterator[Receiver]:
    """Receives until the block ends."""
    taken = receiver or Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.before_answer()
            status = taken.statuses.pop(0) if taken.statuses else 200
            if status == 200:
                self.keep(body)
            answer = service_pb.ExportTraceServiceResponse()
            if taken.rejected_spans:
                answer.partial_success.rejected_spans = taken.rejected_spans
                answer.partial_success.error_message = "too old"
            content = answer.SerializeToString()
            self.send_response(status)
            for name, value in {**taken.answer_headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def keep(self, body: bytes) -> None:
            plain = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            taken.raw.append(plain)
            taken.headers.append({name.lower(): value for name, value in self.headers.items()})
            taken.paths.append(self.path)
            taken.requests.append(service_pb.ExportTraceServiceRequest.FromString(plain))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the standard library
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A caller that has given up is part of the game."""

    server = Server(("127.0.0.1", port), Handler)
    taken.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
