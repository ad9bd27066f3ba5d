"""The way to the providers: one for each dialect, the fleet that chooses among deployments, and their keys.

The rooms enter here before the routers are made, because those ask the fleet whom to leave out. Everything is taken
down in reverse. It makes no attempt itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

from atp_grpc.app.background import Background, every
from atp_grpc.app.probing import Prober
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.chaos import Chaos, beset
from atp_grpc.config import AskSettings, Settings, keep_litellm_offline
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.decision import Closure
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.domain.flags import Flag
from atp_grpc.domain.model import Deployment
from atp_grpc.providers.anthropic.provider import AnthropicProvider
from atp_grpc.providers.breaker import BreakerRules
from atp_grpc.providers.chaos import ChaosProvider
from atp_grpc.providers.contract import Provider
from atp_grpc.providers.dry_run import DryRunProvider
from atp_grpc.providers.fleet import BreakerChange, Fleet
from atp_grpc.providers.http.client import HttpClient
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.litellm import LitellmProvider, LitellmUnusable
from atp_grpc.providers.openai.provider import OpenAiProvider
from atp_grpc.providers.remote.provider import RemoteProvider
from atp_grpc.secrets.contract import SecretsError
from atp_grpc.secrets.provider_keys import FOLDER, StoredProviderKeys

KEY_LOOK_SECONDS: Final = 5.0
"""Time between two looks at the files of keys."""


class Upstream:
    """The way to the providers. Made by `open_upstream`."""

    def __init__(
        self,
        *,
        providers: dict[Dialect, Provider],
        remote: RemoteProvider,
        fleet: Fleet,
        keys: StoredProviderKeys,
        make_litellm: Callable[[], Provider],
    ) -> None:
        """`remote` is the one of the providers that endpoints are watched through.

        `make_litellm` takes seconds and raises LitellmUnusable where its package is not, so it is asked only once a
        catalogue wants it.
        """
        self.providers = providers
        self._make_litellm = make_litellm
        self.fleet = fleet
        self.keys = keys
        self._remote = remote
        self._deployments: tuple[Deployment, ...] = ()

    def follow(self, snapshot: Snapshot) -> tuple[str, ...]:
        """A catalogue is in force. Returns a sentence for whatever keeps deployments of it from being called."""
        self._deployments = tuple(snapshot.deployments.values())
        self.fleet.keep(self._deployments)
        self._watch()
        missing = [sentence for one in self._deployments if (sentence := self._lack_of_keys(one))]
        return (*missing, *self._lack_of_litellm())

    def closed_models(self, snapshot: Snapshot) -> Mapping[str, Closure]:
        """Models of a snapshot none of whose deployments may be called now; costs next to nothing while all may."""
        return self.fleet.closed_models(snapshot.deployments.values())

    def callable_providers(self) -> dict[str, bool]:
        """Whether at least one deployment of each provider may be called now; those without endpoints are left out."""
        by_provider: dict[str, list[Deployment]] = {}
        for deployment in self._deployments:
            if deployment.endpoint is not None:
                by_provider.setdefault(deployment.provider, []).append(deployment)
        return {
            provider: self.fleet.closed_models(own).keys() < {deployment.model for deployment in own}
            for provider, own in sorted(by_provider.items())
        }

    def endpoints(self) -> list[Endpoint]:
        """The endpoints of the catalogue in force."""
        return [one.endpoint for one in self._deployments if one.endpoint is not None]

    def key_of(self, endpoint: Endpoint) -> str | None:
        """A key that opens an endpoint, empty when it needs none; None when none is there."""
        for reference in endpoint.keys:
            try:
                return self.keys.key(reference)
            except SecretsError:
                continue
        return None if endpoint.keys else ""

    async def look_at_keys(self) -> None:
        """Has keys that were refused, or not there, tried again once they have changed."""
        changed = self.keys.changed()
        for reference in changed:
            self.fleet.renew_key(reference)
        if changed:
            self._watch()

    def flag_switched(self, flag: Flag, on: bool) -> None:  # noqa: FBT001 - as the flags tell it
        """An operator has switched a feature."""
        if flag is Flag.BREAKERS:
            self.fleet.heed_breakers(on=on)

    def _watch(self) -> None:
        """Listens to the adapters among the endpoints that can be opened."""
        adapters = [one for one in self.endpoints() if one.dialect is Dialect.REMOTE]
        self._remote.watch(
            [(one, key) for one in adapters if (key := self.key_of(one)) is not None], on_change=self.fleet.heard
        )

    def _lack_of_litellm(self) -> Iterable[str]:
        if Dialect.LITELLM not in self.providers and any(one.dialect is Dialect.LITELLM for one in self.endpoints()):
            try:
                self.providers[Dialect.LITELLM] = self._make_litellm()
            except LitellmUnusable as fault:
                yield str(fault)

    def _lack_of_keys(self, deployment: Deployment) -> str:
        endpoint = deployment.endpoint
        if endpoint is None or self.key_of(endpoint) is not None:
            return ""
        return f"{deployment.name} cannot be called until one of its keys is there: {', '.join(endpoint.keys)}"


def start_upkeep(
    background: Background,
    upstream: Upstream,
    settings: AskSettings,
    *,
    is_on: Callable[[Flag], bool],
    chaos: Chaos,
) -> None:
    """Starts the tasks beside the calls: the look at the keys, and probes if the settings want them."""
    background.start("provider keys", every(KEY_LOOK_SECONDS, beset(chaos, upstream.look_at_keys)))
    prober = Prober(
        providers=upstream.providers,
        endpoints=lambda: upstream.endpoints() if is_on(Flag.ASK_PROBES) else (),
        key_of=upstream.key_of,
        heard=upstream.fleet.heard,
    )
    if settings.probe_interval_seconds:
        background.start("probes", every(settings.probe_interval_seconds, beset(chaos, prober.look)))


@asynccontextmanager
async def open_upstream(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    clock: Clock,
    chance: Random,
    chaos: Chaos,
    on_breaker: Callable[[BreakerChange], None],
) -> AsyncIterator[Upstream]:
    """The way to the providers, closed on the way out: calls that still run end, and so do connections.

    `environ` holds the keys that are variables; `on_breaker` hears of every change of a breaker.
    """
    ask = settings.ask
    egress = egress_rule(ask)
    async with AsyncExitStack() as stack:
        client = HttpClient(egress=egress, clock=clock)
        remote = RemoteProvider(egress, clock=clock, chance=chance)
        providers: dict[Dialect, Provider] = {
            Dialect.OPENAI: OpenAiProvider(client=client, clock=clock),
            Dialect.ANTHROPIC: AnthropicProvider(client=client, clock=clock),
            Dialect.REMOTE: remote,
            Dialect.DRY_RUN: DryRunProvider(),
        }

        def under_chaos(provider: Provider) -> Provider:
            return ChaosProvider(provider, chaos) if chaos.is_allowed else provider

        def make_litellm() -> Provider:
            keep_litellm_offline()
            litellm = LitellmProvider(egress)
            stack.push_async_callback(litellm.close)
            return under_chaos(litellm)

        for provider in providers.values():
            stack.push_async_callback(provider.close)
        yield Upstream(
            providers={dialect: under_chaos(provider) for dialect, provider in providers.items()},
            remote=remote,
            fleet=Fleet(
                clock=clock,
                chance=chance,
                rules=BreakerRules(ask.breaker_failures, ask.breaker_open_seconds),
                on_change=on_breaker,
            ),
            keys=StoredProviderKeys(Path(ask.key_dir) if ask.key_dir else Path(settings.data_dir) / FOLDER, environ),
            make_litellm=make_litellm,
        )


def egress_rule(settings: AskSettings) -> EgressRule:
    """Where providers may be called; the catalogue asks it about every address too."""
    return EgressRule(settings.private_targets)
