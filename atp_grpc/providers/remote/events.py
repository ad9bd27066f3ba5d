"""Events on the wire of `atp.adapter.v1`, both ways. The order they come in is `order`'s to judge, not ours.

The client reads, the kit writes.
"""

from __future__ import annotations

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.outcome import Usage
from atp_grpc.pb.atp.adapter.v1 import adapter_service_pb2
from atp_grpc.pb.atp.v1 import generation_pb2, outcome_pb2
from atp_grpc.providers.contract import Allowance, Certainty, Event, Finished, TextDelta, ToolCallDelta, Used
from atp_grpc.providers.remote.requests import numbers_of

_REASONS = numbers_of(FinishReason, generation_pb2.FinishReason, "FINISH_REASON_")
_REASON_OF = {number: reason for reason, number in _REASONS.items()}


class UnreadableEvent(Exception):
    """A message holds no event that the contract knows."""


def read_event(message: adapter_service_pb2.GenerateResponse) -> Event:
    """The event in a message.

    Raises:
        UnreadableEvent: there is none, or it ends for a reason that nobody knows.
    """
    match message.WhichOneof("event"):
        case "delta_text":
            return TextDelta(message.delta_text)
        case "delta_tool_call":
            call = message.delta_tool_call
            return ToolCallDelta(call.index, call.call_id, call.name, call.arguments_json)
        case "delta_certainty":
            return Certainty(message.delta_certainty.log_probability, message.delta_certainty.tokens)
        case "total_usage":
            return Used(_read_usage(message.total_usage))
        case "allowance":
            return _read_allowance(message.allowance)
        case "finish" if message.finish.reason in _REASON_OF:
            return Finished(_REASON_OF[message.finish.reason], message.finish.revision)
        case _:
            raise UnreadableEvent


def event_message(event: Event) -> adapter_service_pb2.GenerateResponse:
    """An event as `Generate` sends it."""
    match event:
        case TextDelta(text):
            return adapter_service_pb2.GenerateResponse(delta_text=text)
        case ToolCallDelta(index, call_id, name, arguments):
            call = generation_pb2.ToolCallDelta(index=index, call_id=call_id, name=name, arguments_json=arguments)
            return adapter_service_pb2.GenerateResponse(delta_tool_call=call)
        case Certainty(log_probability, tokens):
            certainty = adapter_service_pb2.Certainty(log_probability=log_probability, tokens=tokens)
            return adapter_service_pb2.GenerateResponse(delta_certainty=certainty)
        case Used(usage):
            return adapter_service_pb2.GenerateResponse(total_usage=outcome_pb2.Usage(**usage._asdict()))
        case Allowance():
            return adapter_service_pb2.GenerateResponse(allowance=_allowance_message(event))
        case Finished(reason, revision):
            finish = adapter_service_pb2.Finish(reason=_REASONS[reason], revision=revision)
            return adapter_service_pb2.GenerateResponse(finish=finish)


def _read_usage(usage: outcome_pb2.Usage) -> Usage:
    return Usage(*(getattr(usage, name) if usage.HasField(name) else None for name in Usage._fields))


def _read_allowance(message: adapter_service_pb2.Allowance) -> Allowance:
    return Allowance(
        message.requests_left if message.HasField("requests_left") else None,
        message.tokens_left if message.HasField("tokens_left") else None,
        message.reset.seconds + message.reset.nanos / 1e9 if message.HasField("reset") else None,
    )


def _allowance_message(allowance: Allowance) -> adapter_service_pb2.Allowance:
    message = adapter_service_pb2.Allowance(requests_left=allowance.requests_left, tokens_left=allowance.tokens_left)
    if allowance.reset_seconds is not None:
        message.reset.FromNanoseconds(round(allowance.reset_seconds * 1e9))
    return message
