"""The way upstream: who can be called with what, what a change of keys does, and what probes tell the fleet."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from atp_grpc.app.probing import Prober
from atp_grpc.app.rooms import Rooms, open_rooms
from atp_grpc.app.upstream import Upstream, egress_rule, open_upstream
from atp_grpc.catalog.loader import parse_catalogue
from atp_grpc.catalog.snapshot import Snapshot, build_snapshot
from atp_grpc.chaos import Chaos
from atp_grpc.config import AskSettings, CatalogSettings, Settings, StoreSettings
from atp_grpc.domain.ask import AskRequest, Audience, Final, FinishReason
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.conversation import Prompt, Role, TextPart, Turn
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.domain.request import Constraints, RouteRequest
from atp_grpc.domain.tenant import Principal
from atp_grpc.providers.breaker import BreakerMode
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.dry_run import DryRunProvider
from atp_grpc.providers.fleet import BreakerChange, Held, HeldWhy, Permit
from atp_grpc.providers.standing import ServingState, Standing
from atp_grpc.secrets.folder import write_private
from atp_grpc.secrets.provider_keys import FOLDER
from tests.unit.catalog.desk import FIRST

KEYED = (
    'name = "harbor"\ndialect = "openai"\nbase_url = "https://api.example.com/v1"\nkeys = ["env:KEY", "file:spare"]\n'
)
OPEN = KEYED.replace('keys = ["env:KEY", "file:spare"]\n', "")


def snapshot_of(provider: str, *, revision: int = 1) -> Snapshot:
    text = FIRST.decode().replace('name = "harbor"\n', provider, 1)
    catalogue = parse_catalogue(text.encode(), "catalog.toml", egress_rule(AskSettings()).refusal)
    return build_snapshot(catalogue, revision=revision, generation=revision, now_nanos=1)


@asynccontextmanager
async def upstream_in(
    folder: Path, *, changes: list[BreakerChange] | None = None, **environ: str
) -> AsyncIterator[Upstream]:
    settings = dataclasses.replace(Settings(), data_dir=folder, ask=AskSettings(breaker_failures=1))
    on_breaker = ([] if changes is None else changes).append
    chaos = Chaos(is_allowed=False, draw_seed=lambda: 1, on_injected=lambda *_: None)
    async with open_upstream(
        settings, environ=environ, clock=ManualClock(), chance=Random(1), chaos=chaos, on_breaker=on_breaker
    ) as upstream:
        yield upstream


def admitted(upstream: Upstream, snapshot: Snapshot) -> Permit | Held:
    return upstream.fleet.admit(tuple(snapshot.deployments.values()), "acme")


async def test_each_deployment_without_any_of_its_keys_is_told_of_once(tmp_path: Path) -> None:
    async with upstream_in(tmp_path) as upstream:
        told = upstream.follow(snapshot_of(KEYED))
        assert told == ("ember@harbor cannot be called until one of its keys is there: env:KEY, file:spare",)
        assert upstream.follow(snapshot_of(OPEN)) == ()
    async with upstream_in(tmp_path, KEY="sk-live") as upstream:
        assert upstream.follow(snapshot_of(KEYED)) == ()


async def test_a_key_that_was_refused_is_tried_again_when_its_file_has_changed(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    view = snapshot_of(KEYED.replace('"env:KEY", ', ""))
    async with upstream_in(tmp_path) as upstream:
        assert upstream.follow(view)
        permit = admitted(upstream, view)
        assert isinstance(permit, Permit)
        permit.failed(ProviderFault(FaultKind.KEY_REFUSED))
        await upstream.look_at_keys()
        held = admitted(upstream, view)
        assert isinstance(held, Held)
        assert held.why is HeldWhy.KEYS_RESTING
        assert upstream.closed_models(view).keys() == {"ember"}

        write_private(tmp_path / FOLDER / "spare", b"sk-live")
        await upstream.look_at_keys()

        assert isinstance(admitted(upstream, view), Permit)
        assert upstream.closed_models(view).keys() == frozenset()


async def test_the_settings_say_when_a_breaker_opens_and_its_model_is_closed(tmp_path: Path) -> None:
    changes: list[BreakerChange] = []
    view = snapshot_of(OPEN)
    async with upstream_in(tmp_path, changes=changes) as upstream:
        upstream.follow(view)
        permit = admitted(upstream, view)
        assert isinstance(permit, Permit)
        permit.failed(ProviderFault(FaultKind.CUT))

        assert upstream.closed_models(view).keys() == {"ember"}
        assert [change.now.deployment for change in changes] == ["ember@harbor"]
        upstream.fleet.force("ember@harbor", BreakerMode.CLOSED)
        assert upstream.closed_models(view).keys() == frozenset()


async def test_a_deployment_that_the_catalogue_drops_is_forgotten(tmp_path: Path) -> None:
    async with upstream_in(tmp_path) as upstream:
        upstream.follow(snapshot_of(OPEN))
        assert [one.deployment for one in upstream.fleet.breakers()] == ["ember@harbor"]
        upstream.follow(snapshot_of('name = "harbor"\n', revision=2))
        assert list(upstream.fleet.breakers()) == []
        assert upstream.endpoints() == []


async def test_every_dialect_that_needs_nothing_more_has_a_provider(tmp_path: Path) -> None:
    async with upstream_in(tmp_path) as upstream:
        assert set(upstream.providers) == set(Dialect) - {Dialect.LITELLM}


async def test_the_built_in_catalogue_is_answered_out_of_the_box_and_billed(tmp_path: Path) -> None:
    settings = dataclasses.replace(Settings(), data_dir=tmp_path, store=StoreSettings("memory"))
    call = Call("m", Principal("acme", "key", frozenset()), 1e9, "trace")
    question = AskRequest(
        Prompt((Turn(Role.USER, (TextPart("What is 2 + 2?"),)),)), RouteRequest(text="What is 2 + 2?")
    )
    async with open_rooms(settings, log_stream=io.StringIO()) as rooms:
        *_, said, final = [
            event async for event in rooms.ask.asker.answer(question, call, 0.0, Audience(call.deadline))
        ]

        assert isinstance(final, Final)
        assert final.finish_reason is FinishReason.STOP
        assert final.cost_nano_usd > 0
        assert "dry run" in str(said)
        assert rooms.learner.revision == 1
        assert not any("cannot be called" in notice for notice in rooms.notices)


async def test_a_dearer_deployment_of_a_model_is_called_only_when_the_cheaper_one_cannot_be(tmp_path: Path) -> None:
    settings = dataclasses.replace(Settings(), data_dir=tmp_path, store=StoreSettings("memory"))
    call = Call("m", Principal("acme", "key", frozenset()), 1e9, "trace")
    # Two sell it, one of them for a fifth more.
    routing = RouteRequest(text="Hello", constraints=Constraints(allowed_models=frozenset({"cobalt-base"})))
    question = AskRequest(Prompt((Turn(Role.USER, (TextPart("Hello"),)),)), routing)

    async def deployment(rooms: Rooms) -> str:
        *_, final = [event async for event in rooms.ask.asker.answer(question, call, 0.0, Audience(call.deadline))]
        assert isinstance(final, Final)
        return final.target.deployment

    async with open_rooms(settings, log_stream=io.StringIO()) as rooms:
        assert {await deployment(rooms) for _ in range(10)} == {"cobalt-base@harbor"}
        rooms.upstream.fleet.force("cobalt-base@harbor", BreakerMode.OPEN)
        assert await deployment(rooms) == "cobalt-base@summit"


async def test_a_start_without_keys_says_so_and_serves_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text(FIRST.decode().replace('name = "harbor"\n', KEYED, 1))
    settings = dataclasses.replace(
        Settings(),
        data_dir=tmp_path / "data",
        store=StoreSettings("memory"),
        catalog=CatalogSettings(path=str(tmp_path / "catalog.toml")),
    )
    async with open_rooms(settings, log_stream=io.StringIO()) as rooms:
        assert sum("ember@harbor cannot be called" in notice for notice in rooms.notices) == 1


class Scripted(DryRunProvider):
    """A provider whose probes end as they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: FaultKind | None = None
        self.probed: list[tuple[str, str]] = []

    async def probe(self, endpoint: Endpoint, key: str) -> None:
        self.probed.append((endpoint.base_url, key))
        if self.fault is not None:
            raise ProviderFault(self.fault)


class Probing:
    """A prober and what it was told."""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.provider = Scripted()
        self.endpoints = endpoints
        self.heard: list[tuple[Endpoint, ServingState]] = []
        self.prober = Prober(
            providers=dict.fromkeys(Dialect, self.provider),
            endpoints=lambda: self.endpoints,
            key_of=lambda endpoint: "sk" if not endpoint.keys else None,
            heard=self._hear,
        )

    def _hear(self, endpoint: Endpoint, standing: Standing) -> None:
        self.heard.append((endpoint, standing.state))


FIRST_PLACE = Endpoint(Dialect.OPENAI, "https://one.example.com", "m")
OTHER_PLACE = Endpoint(Dialect.ANTHROPIC, "https://two.example.com", "m")


@pytest.mark.parametrize("absence", [FaultKind.UNAVAILABLE, FaultKind.TIMEOUT, FaultKind.OVERLOADED])
async def test_an_endpoint_that_is_not_there_twice_is_left_alone_until_it_is(absence: FaultKind) -> None:
    probing = Probing(FIRST_PLACE)
    for fault in (None, absence, None, absence):
        probing.provider.fault = fault
        await probing.prober.look()
    assert probing.heard == []

    await probing.prober.look()
    assert probing.heard == [(FIRST_PLACE, ServingState.AWAY)]
    # A refusal is an answer too.
    probing.provider.fault = FaultKind.KEY_REFUSED
    await probing.prober.look()
    await probing.prober.look()
    assert probing.heard == [(FIRST_PLACE, ServingState.AWAY), (FIRST_PLACE, ServingState.READY)]


async def test_each_endpoint_is_probed_once_however_many_deployments_share_it() -> None:
    keyed = dataclasses.replace(OTHER_PLACE, base_url="https://three.example.com", keys=("env:GONE",))
    silent = Endpoint(Dialect.DRY_RUN), Endpoint(Dialect.REMOTE, "adapter.example.com:7400")
    probing = Probing(FIRST_PLACE, FIRST_PLACE, OTHER_PLACE, keyed, *silent)

    await probing.prober.look()

    assert probing.provider.probed == [("https://one.example.com", "sk"), ("https://two.example.com", "sk")]


async def test_what_is_no_longer_in_the_catalogue_is_forgotten() -> None:
    probing = Probing(FIRST_PLACE)
    probing.provider.fault = FaultKind.UNAVAILABLE
    await probing.prober.look()
    probing.endpoints = ()
    await probing.prober.look()
    probing.endpoints = (FIRST_PLACE,)
    await probing.prober.look()

    assert probing.heard == []


async def test_an_endpoint_that_is_no_longer_probed_is_believed_to_be_there() -> None:
    probing = Probing(FIRST_PLACE)
    probing.provider.fault = FaultKind.UNAVAILABLE
    for _ in range(2):
        await probing.prober.look()
    probing.endpoints = ()
    await probing.prober.look()
    await probing.prober.look()

    assert probing.heard == [(FIRST_PLACE, ServingState.AWAY), (FIRST_PLACE, ServingState.READY)]
