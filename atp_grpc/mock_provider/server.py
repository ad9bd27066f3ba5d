"""The stand-in's HTTP server: reads a call, picks its script, has it answered and written down.

`open_mock_provider` is the way in; tests hold the `MockProvider` it gives. It plays no fault itself and writes no bytes
of a dialect.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from atp_grpc.mock_provider.answer import Refused, answer
from atp_grpc.mock_provider.anthropic import Anthropic
from atp_grpc.mock_provider.calls import Call, CallLog, Ended
from atp_grpc.mock_provider.control import Control
from atp_grpc.mock_provider.dialect import Dialect, Reason, Request
from atp_grpc.mock_provider.instant import InstantAnswers
from atp_grpc.mock_provider.openai import OpenAi
from atp_grpc.mock_provider.script import Fault, Playbook, Script
from atp_grpc.mock_provider.stage import Pause, Stage

LARGEST_REQUEST_BYTES = 64 << 20
_SHUTDOWN_SECONDS = 1.0
"""Only for a connection that opens while the others are closed; aiohttp takes 0 for no limit."""
_DIALECTS: dict[str, Dialect] = {"/chat/completions": OpenAi(), "/messages": Anthropic()}


class MockProvider:
    """A stand-in that runs.

    Attributes:
        address: `http://127.0.0.1:PORT`, what Anthropic's SDK takes as its base.
        base_url: the same with `/v1`, what OpenAI's SDK takes, and endpoints of ATP for both dialects.
        dialects: by the end of the path.
    """

    def __init__(self, *, keys: Iterable[str], models: Iterable[str], pause: Pause) -> None:
        self.address = ""
        self._keys = frozenset(keys)
        self._models = tuple(models)
        self._pause = pause
        self._playbook = Playbook()
        self._log = CallLog()
        self._instant = InstantAnswers()
        self._control = Control(self._log, self.script, self.forget_scripts)
        self._is_closing = False

    @property
    def base_url(self) -> str:
        """Where the paths of either dialect begin."""
        return f"{self.address}/v1"

    @property
    def calls(self) -> deque[Call]:
        """The last calls, oldest first."""
        return self._log.calls

    @property
    def counts(self) -> Counter[Ended]:
        """How many calls ended in which way since the last reset."""
        return self._log.counts

    def script(self, model: str, script: Script) -> None:
        """Says how calls of a model go from now on (`*`: of every model).

        A script bounded by calls, share or key comes before the one that stands, in the order they were put; another
        one replaces the one that stands.
        """
        self._playbook.put(model, script)
        self._instant.clear()

    def forget_scripts(self) -> None:
        """Answers plainly again."""
        self._playbook.clear()
        self._instant.clear()

    def reset_calls(self) -> None:
        """Forgets the calls and counts from zero."""
        self._log.reset()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds of `calls` or `counts`; it is asked whenever anything happens to a call."""
        await self._log.until(holds)

    async def idle(self) -> None:
        """Waits until no call goes on."""
        await self._log.until(lambda: self._log.open == 0)

    def close(self) -> None:
        """From now on the end of a call is the stand-in's own doing."""
        self._is_closing = True

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request."""
        path = request.path
        if path.startswith("/control/"):
            return await self._control.serve(request)
        if path.endswith("/models"):
            return self._list_models(request)
        for end, dialect in _DIALECTS.items():
            if path.endswith(end) and request.method == "POST":
                return await self._serve_call(request, dialect)
        return web.json_response({"error": {"message": "There is nothing at this path.", "code": None}}, status=404)

    async def _serve_call(self, request: web.BaseRequest, dialect: Dialect) -> web.StreamResponse:
        body = _read(await request.read())
        headers = request.headers
        key = _key(headers)
        model = str(body.get("model", ""))
        is_streamed = body.get("stream") is True
        script = self._playbook.choose(model, key)
        if script.instant and (not self._keys or key in self._keys) and request.keep_alive:
            call = self._log.begin(dialect.name, model, key, script, is_streamed=is_streamed, body={})
            options = body.get("stream_options")
            wants_usage = bool(options and options.get("include_usage"))
            self._log.end(call, Ended.ANSWERED, 200)
            return self._instant.get(dialect, model, script, is_streamed=is_streamed, wants_usage=wants_usage)
        call = self._log.begin(dialect.name, model, key, script, is_streamed=is_streamed, body=body, headers=headers)
        try:
            return await self._answer(request, call, dialect)
        except asyncio.CancelledError:
            self._log.end(call, Ended.STOPPED if self._is_closing else Ended.CANCELLED)
            raise
        except ConnectionError:
            self._log.end(call, Ended.CANCELLED)
            raise
        finally:
            # Whatever else may go wrong, nobody waits for this call for ever.
            self._log.end(call, Ended.STOPPED)

    async def _answer(self, request: web.BaseRequest, call: Call, dialect: Dialect) -> web.StreamResponse:
        fault, parameter, message = Fault.INVALID, "", ""
        question = None
        if self._keys and call.key not in self._keys:
            fault = Fault.REFUSE_KEY
        elif not call.model:
            parameter, message = "model", "A model is required."
        elif self._models and call.model not in self._models:
            fault = Fault.MODEL_UNKNOWN
        else:
            try:
                question = dialect.question(Request(call.body, call.headers))
            except Refused as refused:
                parameter, message = refused.parameter, refused.message
            except (KeyError, TypeError, ValueError, AttributeError, IndexError):
                message = "The request is not as published."
        if question is None:
            name = f"refused{call.number}"
            stage = Stage(request, call, self._log, dialect, name=name, pause=self._pause)
            refusal = dialect.refusal(Reason(fault, name, message=message, parameter=parameter))
            return await stage.refuse(refusal)
        made = answer(question, call.script)
        stage = Stage(request, call, self._log, dialect, name=made.name, pause=self._pause)
        return await stage.play(made)

    def _list_models(self, request: web.BaseRequest) -> web.StreamResponse:
        is_anthropic = "anthropic-version" in request.headers
        dialect = _DIALECTS["/messages" if is_anthropic else "/chat/completions"]
        if self._keys and _key(request.headers) not in self._keys:
            refusal = dialect.refusal(Reason(Fault.REFUSE_KEY, "models"))
            return web.Response(status=refusal.status, body=refusal.body, content_type="application/json")
        names = list(self._models) or self._playbook.models() or ["mock"]
        return web.Response(body=dialect.models(names), content_type="application/json")


@asynccontextmanager
async def open_mock_provider(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    keys: Iterable[str] = (),
    models: Iterable[str] = (),
    tls: ssl.SSLContext | None = None,
    pause: Pause = asyncio.sleep,
) -> AsyncIterator[MockProvider]:
    """Runs a stand-in on the running loop until the block is left.

    Args:
        host: where it listens.
        port: the port, 0 for a free one.
        keys: the keys it takes, in `authorization: Bearer`, `x-api-key` or `api-key`; none given: it asks for none.
        models: the models it has; none given: any name is one.
        tls: makes it speak HTTPS.
        pause: waits for so many seconds; a test may decide how long that is.

    Raises:
        OSError: it cannot listen there.
    """
    mock = MockProvider(keys=keys, models=models, pause=pause)
    loop = asyncio.get_running_loop()

    def request_of(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: Any,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST_REQUEST_BYTES)

    # A handler that is cancelled when its connection goes is how a client's leaving is noticed at once.
    server = web.Server(mock.serve, request_factory=request_of, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=1024)
        await site.start()
        bound = runner.addresses[0][1]
        mock.address = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{bound}"
        yield mock
    finally:
        mock.close()
        for connection in server.connections:
            connection.force_close()
        await runner.cleanup()


def _read(raw: bytes) -> Mapping[str, Any]:
    """The request's JSON; what is none, or no object, is an empty one."""
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _key(headers: Mapping[str, str]) -> str:
    authorization = headers.get("authorization")
    if authorization is not None:
        return authorization.removeprefix("Bearer ").strip()
    return headers.get("x-api-key") or headers.get("api-key") or ""
