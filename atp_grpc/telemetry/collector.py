"""The way to an OTLP collector over HTTP: one connection, one request at a time.

The thread that sends spans enters here. Every fault of the network or the collector becomes one of two errors, which
say whether another try makes sense; neither ever holds the address or a header.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import math
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from atp_grpc.telemetry.otlp import rejected_spans

PATH = "/v1/traces"
RESPONSE_BYTES = 65_536
COMPRESSION_LEVEL = 1
_WORTH_ANOTHER_TRY = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""By the OTLP specification, these and no others."""


class CollectorAwayError(Exception):
    """The collector cannot take spans now. `retry_after_seconds` is how long it asks to wait, if it does."""

    def __init__(self, cause: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.retry_after_seconds = retry_after_seconds


class CollectorRefusedError(Exception):
    """The collector will never take these spans."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Collector:
    """A collector. Only one thread uses it."""

    def __init__(
        self, endpoint: str, *, headers: Mapping[str, str], is_compressed: bool, timeout_seconds: float
    ) -> None:
        """Connects to nothing yet.

        Args:
            endpoint: an http or https URL; without a path, the usual one is taken.
            headers: sent with every request, for example a key.
            is_compressed: whether bodies are sent as gzip.
            timeout_seconds: longest wait for the network at a time; may be changed later.
        """
        url = urlsplit(endpoint)
        self._host, self._port, self._is_secure = url.hostname or "", url.port, url.scheme == "https"
        path = url.path if url.path.strip("/") else PATH
        self._path = f"{path}?{url.query}" if url.query else path
        self._headers = {**headers, "content-type": "application/x-protobuf", "user-agent": "atp-grpc"}
        self._is_compressed = is_compressed
        if is_compressed:
            self._headers["content-encoding"] = "gzip"
        self.timeout_seconds = timeout_seconds
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes) -> int:
        """Sends one request; gives the number of spans that were rejected one by one.

        Raises:
            CollectorAwayError: another try makes sense.
            CollectorRefusedError: it does not.
        """
        if self._is_compressed:
            body = gzip.compress(body, COMPRESSION_LEVEL)
        try:
            if self._connection is not None:
                # Collectors close connections that were quiet for a while; that is noticed only at the next request.
                with contextlib.suppress(ConnectionError):
                    return self._exchange(body)
                self.close()
            return self._exchange(body)
        except (OSError, http.client.HTTPException) as fault:
            self.close()
            raise CollectorAwayError(type(fault).__name__) from None

    def close(self) -> None:
        """Lets the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(self, body: bytes) -> int:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connect()
        if connection.sock is not None:
            connection.sock.settimeout(self.timeout_seconds)
        connection.request("POST", self._path, body, self._headers)
        with connection.getresponse() as response:
            content = response.read(RESPONSE_BYTES)
            if response.read(1):
                self.close()
        if response.status // 100 == HTTPStatus.OK // 100:
            return rejected_spans(content)
        cause = f"HTTP {response.status}"
        if response.status in _WORTH_ANOTHER_TRY:
            raise CollectorAwayError(cause, _seconds(response.getheader("retry-after")))
        raise CollectorRefusedError(cause)

    def _connect(self) -> http.client.HTTPConnection:
        if self._is_secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self.timeout_seconds, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self.timeout_seconds)


def read_headers(text: str) -> dict[str, str]:
    """Headers as the settings give them: `NAME=VALUE`, several of them with commas between."""
    pairs = (entry.partition("=") for entry in text.split(",") if entry.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _seconds(header: str | None) -> float | None:
    """The seconds of a Retry-After header; None where it gives a date or nonsense."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
