"""`atp policy`: routing policies: list them, show one, make, change, delete one, or take it back.

A field is named as in the contract (`objective.quality_floor`), and its value written as in JSON. Nothing is judged
here: what a policy may say is the server's to decide.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Record, Sheet, unusable
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_pair, usd
from atp_grpc.client import AtpClient, pages
from atp_grpc.client.messages import (
    CreatePolicyRequest,
    CreatePolicyResponse,
    DeletePolicyRequest,
    DeletePolicyResponse,
    FieldMask,
    GetPolicyRequest,
    ListPoliciesRequest,
    Origin,
    RollbackPolicyRequest,
    RollbackPolicyResponse,
    RoutingPolicy,
    UpdatePolicyRequest,
    UpdatePolicyResponse,
)
from atp_grpc.domain.policy import DEFAULT_POLICY

_Changed = CreatePolicyResponse | UpdatePolicyResponse | DeletePolicyResponse | RollbackPolicyResponse
_COLUMNS = ("policy", "version", "from", "share", "cost weight", "latency weight", "promises", "features")
_WHOLE = "*"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add(actions, "list", "list the policies in force")
    _add_name(_add(actions, "show", "show everything a policy says"))
    create, update = _add(actions, "create", "make a policy"), _add(actions, "update", "change fields of a policy")
    for action in (create, update):
        _add_name(action)
        action.add_argument("--file", metavar="FILE", type=Path, help="the policy as JSON, as `show --json` prints it")
        action.add_argument(
            "--set",
            metavar="FIELD=VALUE",
            type=read_pair,
            action="append",
            default=[],
            help="a field and its value, for example objective.quality_floor=0.8 (repeatable)",
        )
        _add_change_options(action)
    update.add_argument("--clear", metavar="FIELD", action="append", default=[], help="back to the field's default")
    update.add_argument("--etag", metavar="ETAG", default="", help="only if this version is in force")
    for name, summary in {"delete": "delete a policy", "rollback": "take a policy back to the version before"}.items():
        action = _add(actions, name, summary)
        _add_name(action)
        _add_change_options(action)
        action.add_argument("--etag", metavar="ETAG", default="", help="only if this version is in force")


def run(options: argparse.Namespace) -> Answer:
    """Does what the action says."""
    actions: Mapping[str, Callable[[argparse.Namespace], Answer]] = {
        "list": _list,
        "show": _show,
        "create": _create,
        "update": _update,
        "delete": _delete,
        "rollback": _roll_back,
    }
    return actions[options.action](options)


def _add(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False
    )
    add_connection_options(action)
    add_json_option(action)
    return action


def _add_name(action: argparse.ArgumentParser) -> None:
    action.add_argument("name", metavar="NAME", help="the policy's name")


def _add_change_options(action: argparse.ArgumentParser) -> None:
    action.add_argument("--check", action="store_true", help="tell what would be refused, change nothing")
    action.add_argument(
        "--request-id", metavar="ID", default="", help="makes the change once, however often it is sent"
    )


def _list(options: argparse.Namespace) -> Answer:
    policies, revision = ask(options, _read_all)
    return Answer(
        document={"revision": revision, "policies": [wording.document_of(policy) for policy in policies]},
        parts=[
            Sheet("Routing policies", _COLUMNS, [_row(policy) for policy in policies]),
            Line(f"revision {revision}"),
        ],
    )


async def _read_all(atp: AtpClient) -> tuple[list[RoutingPolicy], int]:
    policies, revision = list[RoutingPolicy](), 0
    async for page in pages(lambda token: atp.policies.list(ListPoliciesRequest(page_token=token))):
        policies.extend(page.policies)
        revision = page.revision
    return policies, revision


def _show(options: argparse.Namespace) -> Answer:
    answer = ask(options, lambda atp: atp.policies.get(GetPolicyRequest(name=options.name)))
    return Answer(document=wording.document_of(answer.policy), parts=[Record(_facts(answer.policy))])


def _create(options: argparse.Namespace) -> Answer:
    request = CreatePolicyRequest(policy=_policy(options), request_id=options.request_id, validate_only=options.check)
    return _change(options, lambda atp: atp.policies.create(request), "made")


def _update(options: argparse.Namespace) -> Answer:
    paths = [_WHOLE] if options.file else [*(field for field, _ in options.set), *options.clear]
    if not paths:
        raise unusable("nothing to change: --set FIELD=VALUE, --clear FIELD or --file FILE says what")
    policy = _policy(options)
    policy.etag = options.etag or policy.etag
    request = UpdatePolicyRequest(
        policy=policy,
        update_mask=FieldMask(paths=paths),
        request_id=options.request_id,
        validate_only=options.check,
    )
    return _change(options, lambda atp: atp.policies.update(request), "changed")


def _delete(options: argparse.Namespace) -> Answer:
    request = DeletePolicyRequest(
        name=options.name, etag=options.etag, request_id=options.request_id, validate_only=options.check
    )
    return _change(options, lambda atp: atp.policies.delete(request), "deleted")


def _roll_back(options: argparse.Namespace) -> Answer:
    request = RollbackPolicyRequest(
        name=options.name, etag=options.etag, request_id=options.request_id, validate_only=options.check
    )
    return _change(options, lambda atp: atp.policies.rollback(request), "taken back")


def _change(options: argparse.Namespace, call: Callable[[AtpClient], Awaitable[_Changed]], what: str) -> Answer:
    answer = ask(options, call)
    policy = answer.policy
    could = "could be " if options.check else ""
    sentence = f"{policy.name} {could}{what}: version {policy.version}, revision {answer.revision}"
    return Answer(document=wording.document_of(answer), parts=[Line(sentence), Record(_facts(policy))])


def _policy(options: argparse.Namespace) -> RoutingPolicy:
    """The policy that the options describe: the file, if there is one, and what is set beside it."""
    policy = RoutingPolicy()
    try:
        if options.file:
            json_format.Parse(options.file.read_text(encoding="utf-8"), policy)
        for field, text in options.set:
            json_format.ParseDict(_nested(policy, field, text), policy)
    except OSError as error:
        raise unusable(f"the file cannot be read: {options.file}: {error.strerror}") from None
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise unusable("that is no policy", str(error).splitlines()[0]) from None
    policy.name = options.name
    return policy


def _nested(policy: Message, path: str, text: str) -> dict[str, Any]:
    """The JSON of one field, by its path; a list takes the place of the one that was there."""
    part, dot, rest = path.partition(".")
    field = policy.DESCRIPTOR.fields_by_name.get(part)
    if dot and field is not None and field.message_type is not None:
        return {part: _nested(getattr(policy, part), rest, text)}
    if field is not None and field.enum_type is not None:
        prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
        return {part: prefix + text.upper().removeprefix(prefix)}
    if field is not None and field.is_repeated:
        policy.ClearField(part)
    try:
        return {part: json.loads(text)}
    except ValueError:
        return {part: text}


def _row(policy: RoutingPolicy) -> tuple[str, ...]:
    return (
        policy.name,
        str(policy.version),
        wording.word(Origin, policy.origin, "ORIGIN_"),
        "the rest" if policy.name == DEFAULT_POLICY else f"{policy.traffic_share:.1%}",
        f"{policy.objective.cost_weight:g}",
        f"{policy.objective.latency_weight:g}",
        _promises(policy),
        policy.feature_schema,
    )


def _promises(policy: RoutingPolicy) -> str:
    objective = policy.objective
    promises = []
    if objective.HasField("cost_ceiling_nano_usd"):
        promises.append(f"cost {usd(objective.cost_ceiling_nano_usd)}")
    if objective.HasField("quality_floor"):
        promises.append(f"quality {objective.quality_floor:g}")
    if objective.HasField("quality_floor_of_best"):
        promises.append(f"quality {objective.quality_floor_of_best:.1%} of the best")
    if objective.HasField("latency_slo"):
        promises.append(f"latency {wording.duration(objective.latency_slo)}")
    return ", ".join(promises)


def _facts(policy: RoutingPolicy) -> list[tuple[str, str]]:
    """Every field that has a value, by its path, so that what is shown can be set."""
    document = json_format.MessageToDict(policy, preserving_proto_field_name=True)
    return list(_flat(document))


def _flat(document: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    facts = []
    for name, value in document.items():
        if isinstance(value, dict):
            facts += _flat(value, f"{above}{name}.")
        else:
            facts.append((f"{above}{name}", value if isinstance(value, str) else json.dumps(value)))
    return facts
