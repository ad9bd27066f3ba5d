"""The pages that steer a running stand-in: put scripts, read and reset the calls.

The server enters here with every path below `/control/`. Whoever reaches the port may use
them: a stand-in is for tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from atp_grpc.mock_provider.calls import Call, CallLog
from atp_grpc.mock_provider.script import Script, read_script

_SHOWN_OF_KEY = 4


class Control:
    """`PUT` and `DELETE /control/scripts`, `GET` and `DELETE /control/calls`."""

    def __init__(self, log: CallLog, put: Callable[[str, Script], None], forget: Callable[[], None]) -> None:
        """`put` takes a model and its script, `forget` all scripts away."""
        self._log = log
        self._put = put
        self._forget = forget

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request."""
        match request.method, request.path:
            case "PUT", "/control/scripts":
                return await self._put_script(request)
            case "DELETE", "/control/scripts":
                self._forget()
            case "GET", "/control/calls":
                return web.json_response(self._calls())
            case "DELETE", "/control/calls":
                self._log.reset()
            case _:
                return web.json_response({"error": "there is nothing at this path"}, status=404)
        return web.Response(status=204)

    async def _put_script(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            values = json.loads(await request.read())
            model = values.pop("model")
            script = read_script(values)
        except (KeyError, TypeError, AttributeError):
            return web.json_response({"error": "a script is an object with a model"}, status=400)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        self._put(str(model), script)
        return web.Response(status=204)

    def _calls(self) -> dict[str, Any]:
        log = self._log
        return {
            "begun": log.begun,
            "open": log.open,
            "ended": {str(how): count for how, count in log.counts.items()},
            "calls": [_shown(call) for call in log.calls],
        }


def _shown(call: Call) -> dict[str, Any]:
    """A call as JSON; of its key the last four signs, of its request nothing. Moments in seconds of the clock."""
    return {
        "number": call.number,
        "dialect": call.dialect,
        "model": call.model,
        "key": call.key[-_SHOWN_OF_KEY:],
        "is_streamed": call.is_streamed,
        "fault": call.script.fault,
        "sent_tokens": call.sent_tokens,
        "status": call.status,
        "began": call.began,
        "ended": call.ended,
        "ended_at": call.ended_at,
    }
