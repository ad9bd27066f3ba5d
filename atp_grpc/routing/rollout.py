"""Which routing policy serves a request: the one it names, or one by traffic share; the rest goes to `default`.

Services enter here with every request; whoever makes and ends policies puts their routers in and takes them out
between two decisions. A session, or a request with an id, lands on one policy for as long as the shares stand. It
never decides anything itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import accumulate

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import AtpError, UnknownPolicyError
from atp_grpc.domain.request import Routable
from atp_grpc.routing.router import Plan, Router
from atp_grpc.routing.scribe.contract import Routed

_UNNAMED = ""
_DIGEST_BYTES = 8
_POINTS = float(1 << 64)
"""Values of 64 bits."""


class Policies:
    """The routers in force, one for each policy."""

    def __init__(self, default: Router, *, next_seed: Callable[[], int]) -> None:
        """`default` serves whatever no other policy takes; `next_seed` draws 64 bits for requests that name nothing."""
        self._default = default
        self._next_seed = next_seed
        # Without shares the empty name stands for the default too, so that one look-up finds every router.
        self._named = {_UNNAMED: default, default.policy.name: default}
        self._shares: tuple[tuple[float, Router], ...] = ()

    def put(self, router: Router) -> None:
        """Puts a policy's router in force, in place of the one that its policy had."""
        name = router.policy.name
        if name == self._default.policy.name:
            self._default = router
        self._named[name] = router
        self._share_out()

    def drop(self, name: str) -> None:
        """Takes a policy other than the default out; its requests get UnknownPolicyError from now on."""
        self._named.pop(name)
        self._share_out()

    def pick(self, request: Routable, tenant: str) -> Router:
        """The router for a request of a tenant.

        Raises:
            UnknownPolicyError: the request names a policy that does not exist.
        """
        router = self._named.get(request.policy)
        return self._pick(request, tenant) if router is None else router

    def route(self, request: Routable, call: Call, *, needs_endpoint: bool = False) -> Routed:
        """Decides for one request; takes and raises what `Router.route` does, and raises what `pick` does."""
        # Not by `pick`, because this is on the path of every request.
        router = self._named.get(request.policy)
        if router is None:
            router = self._pick(request, call.tenant)
        return router.route(request, call, needs_endpoint=needs_endpoint)

    def route_many(self, requests: Sequence[Routable | AtpError], call: Call) -> list[Routed | AtpError]:
        """Decides for many requests, with one engine crossing a policy; each is answered in its own place."""
        answers: dict[int, Routed | AtpError] = {}
        places: dict[Router, list[int]] = {}
        for place, request in enumerate(requests):
            if isinstance(request, AtpError):
                answers[place] = request
                continue
            try:
                places.setdefault(self.pick(request, call.tenant), []).append(place)
            except UnknownPolicyError as error:
                answers[place] = error.kept()
        for router, own in places.items():
            answers.update(zip(own, router.route_many([requests[place] for place in own], call), strict=True))
        return [answers[place] for place in range(len(requests))]

    def plan(self, request: Routable, call: Call, *, needs_endpoint: bool = False) -> Plan:
        """Weighs a request as `route` would; raises what `pick` and `Router.plan` raise."""
        return self.pick(request, call.tenant).plan(request, call, needs_endpoint=needs_endpoint)

    def _pick(self, request: Routable, tenant: str) -> Router:
        if request.policy:
            raise UnknownPolicyError(request.policy)
        point = self._point(request.session_id or request.request_id, tenant)
        return next((router for end, router in self._shares if point < end), self._default)

    def _point(self, key: str, tenant: str) -> float:
        """A number from 0 up to 1, spread evenly over keys; the same for the same tenant and key, on every replica."""
        if not key:
            return self._next_seed() / _POINTS
        digest = hashlib.blake2b(f"{tenant}\0{key}".encode(), digest_size=_DIGEST_BYTES).digest()
        return int.from_bytes(digest, "big") / _POINTS

    def _share_out(self) -> None:
        """Lays the shares side by side, by name; what they leave is the default's."""
        others = sorted(
            (router for name, router in self._named.items() if name and router is not self._default),
            key=lambda router: router.policy.name,
        )
        sharing = [router for router in others if router.policy.terms.traffic_share > 0]
        ends = accumulate(router.policy.terms.traffic_share for router in sharing)
        self._shares = tuple(zip(ends, sharing, strict=True))
        if self._shares:
            self._named.pop(_UNNAMED, None)
        else:
            self._named[_UNNAMED] = self._default
