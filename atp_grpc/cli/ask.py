"""`atp ask`: asks a model through a server and shows the answer as it comes, then what it cost.

The answer goes to the output and everything about it to the error stream, so that a pipe gets the answer alone. An
answer that breaks off ends the command with status 1, whatever was shown of it.
"""

from __future__ import annotations

import argparse
import sys

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer
from atp_grpc.cli.connection import NANOS_PER_SECOND, add_connection_options, ask
from atp_grpc.cli.printing import add_json_option, clean
from atp_grpc.cli.quantities import read_count, read_usd, usd
from atp_grpc.cli.request_options import standard_input
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import (
    AskRequest,
    AskResponse,
    AskStreamResponse,
    AttemptError,
    CacheOutcome,
    Constraints,
    Conversation,
    Final,
    FinishReason,
    Message,
    OnCut,
    Part,
    Role,
    Switch,
    Target,
    Usage,
)

_ON_CUTS = {"fail": OnCut.ON_CUT_FAIL, "restart": OnCut.ON_CUT_RESTART, "resume": OnCut.ON_CUT_RESUME}
_KEPT_SIGNS = "\n\t"
"""What an answer may hold beside printable signs."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    parser.add_argument("prompt", help="what is asked; - reads it from standard input")
    parser.add_argument("--system", metavar="TEXT", default="", help="instructions that frame the question")
    parser.add_argument(
        "--model", metavar="NAME", action="append", default=[], help="model that may answer; without any, all may"
    )
    parser.add_argument("--on-cut", choices=sorted(_ON_CUTS), help="what becomes of an answer that breaks off (fail)")
    parser.add_argument(
        "--max-cost-usd", metavar="USD", type=read_usd, help="most that the answer may be expected to cost"
    )
    parser.add_argument("--max-output-tokens", metavar="COUNT", type=read_count, help="cap on the answer's tokens")
    parser.add_argument("--policy", metavar="NAME", default="", help="routing policy (default: default)")
    parser.add_argument("--session", metavar="ID", default="", help="conversation this belongs to")
    parser.add_argument("--request-id", metavar="ID", default="", help="the same id again gets the first answer again")
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Asks, and shows what comes."""
    request = _request(options)
    seconds = None if options.deadline is None else options.deadline / NANOS_PER_SECOND
    if options.json:
        response: AskResponse = ask(options, lambda atp: _collect(atp, request, seconds))
        return Answer(document=_document(response))
    final: Final = ask(options, lambda atp: _show(atp, request, seconds))
    _tell(bill_of(final))
    return Answer(document=None)


def bill_of(final: Final) -> str:
    """The end of an answer on one line: who answered, why it ended, tokens, cost and times."""
    latency = final.latency
    facts = [
        _who(final.target),
        wording.word(FinishReason, final.finish_reason, "FINISH_REASON_"),
        tokens_of(final.total_usage),
        f"{'about ' if final.is_estimated else ''}{usd(final.total_cost_nano_usd)}",
        f"first token {wording.duration(latency.first_token)}",
        f"total {wording.duration(latency.total)}",
    ]
    if len(final.attempts) > 1:
        facts.insert(3, f"{len(final.attempts)} attempts")
    if final.cache in {CacheOutcome.CACHE_OUTCOME_HIT, CacheOutcome.CACHE_OUTCOME_STALE}:
        facts.append(f"from the cache ({wording.word(CacheOutcome, final.cache, 'CACHE_OUTCOME_')})")
    return " · ".join(facts)


def tokens_of(usage: Usage) -> str:
    """Tokens in and out, all classes together."""
    read = usage.input_tokens + usage.cached_input_tokens + usage.cache_write_input_tokens
    return f"{read} in, {usage.output_tokens + usage.reasoning_tokens} out"


def _request(options: argparse.Namespace) -> AskRequest:
    question = standard_input() if options.prompt == "-" else options.prompt
    request = AskRequest(
        request_id=options.request_id,
        max_output_tokens=options.max_output_tokens,
        on_cut=_ON_CUTS.get(options.on_cut),
        constraints=Constraints(allowed_models=options.model, max_cost_nano_usd=options.max_cost_usd),
        policy=options.policy,
        session_id=options.session,
    )
    if options.system:
        turns = ((Role.ROLE_SYSTEM, options.system), (Role.ROLE_USER, question))
        request.conversation.CopyFrom(
            Conversation(messages=[Message(role=role, parts=[Part(text=text)]) for role, text in turns])
        )
    else:
        request.prompt = question
    return request


async def _collect(atp: AtpClient, request: AskRequest, seconds: float | None) -> AskResponse:
    async with atp.ask_stream(request, deadline_seconds=seconds) as answer:
        return await answer.collect()


async def _show(atp: AtpClient, request: AskRequest, seconds: float | None) -> Final:
    """Prints the answer as it comes; gives its end."""
    spent = 0
    async with atp.ask_stream(request, deadline_seconds=seconds) as answer:
        try:
            async for event in answer:
                if event.HasField("usage"):
                    spent = event.usage.total_cost_nano_usd
                _show_event(event)
        except AtpCallError:
            _end_line(answer.has_text)
            if spent:
                _tell(f"billed all the same: {usd(spent)}")
            raise
    _end_line(answer.has_text)
    for call in answer.response.tool_calls:
        print(f"{clean(call.name)}({clean(call.arguments_json)})")
    return answer.response.final


def _show_event(event: AskStreamResponse) -> None:
    if event.HasField("decision"):
        _tell(_who(event.decision.target))
    elif event.HasField("delta"):
        # Line by line is too slow for a person, and a pipe may be read by a program that shows what comes.
        print(readable(event.delta.text), end="", flush=True)
    elif event.HasField("switch"):
        print(flush=True)
        _tell(_switched(event.switch))


def _switched(switch: Switch) -> str:
    error = wording.word(AttemptError, switch.error, "ATTEMPT_ERROR_")
    what = "begins anew; drop what stands above" if switch.restarts else "goes on"
    return f"{_who(switch.left)} broke off ({error}); {_who(switch.entered)} {what}"


def _who(target: Target) -> str:
    return f"{target.model} at {wording.served_at(target)}"


def readable(text: str) -> str:
    """The text with a replacement sign for everything that could move a cursor, line feeds and tabs kept."""
    return "".join(sign if sign.isprintable() or sign in _KEPT_SIGNS else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _end_line(has_text: bool) -> None:  # noqa: FBT001 - a fact, not a switch
    if has_text:
        print(flush=True)


def _tell(sentence: str) -> None:
    print(clean(sentence), file=sys.stderr, flush=True)


def _document(response: AskResponse) -> object:
    document = wording.document_of(response)
    if response.HasField("decision"):
        document["decision"] = wording.document_of(response.decision)
    return document
