"""How much a tenant may be made to pay for getting to know new models.

The router enters here before a decision, to learn which models are closed to this tenant now, and after it; the learner
tells of grades and bills. It never chooses and never judges a model: a newcomer that is closed to one tenant may be
open to another, and grades from anyone make it known.

A *newcomer* joined a pool in which some model was known already, and has fewer graded outcomes than it takes to be
known. Models that were there when nobody was known are no newcomers, however few their grades: a pool that starts cold
has nobody to fall back on, so there nobody is closed, and what the learner has found not worth trying stays untried.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from atp_grpc.domain.policy import Exploration

WINDOW: Final = 1_000
"""Requests of a tenant over which the share of newcomers is counted."""

ALLOWANCE: Final = 5
"""Choices of newcomers in a window that are always within the share, so that learning can begin."""

DAY_NANOS: Final = 86_400_000_000_000

_NOBODY: Final[frozenset[str]] = frozenset()
_ALL: Final = (1 << WINDOW) - 1


@dataclass(slots=True)
class _Account:
    """What newcomers have had of one tenant. `choices` has a bit per request, the latest lowest; 1 for a newcomer."""

    choices: int = 0
    requests: int = 0
    day: int = 0
    spent_nano_usd: int = 0

    def turn(self, day: int) -> None:
        """Begins a new day; a request of an earlier one, late, counts to the day that stands."""
        if day > self.day:
            self.day, self.spent_nano_usd = day, 0


class Newcomers:
    """The newcomers of one pool, and the accounts of the `capacity` tenants that asked last."""

    def __init__(self, limits: Exploration, capacity: int) -> None:
        self._limits = limits
        self._capacity = capacity
        self._grades: dict[str, int] = {}
        self._newcomers = _NOBODY
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    @property
    def newcomers(self) -> frozenset[str]:
        """The models that are newcomers now."""
        return self._newcomers

    def limit(self, limits: Exploration) -> None:
        """Changes the limits under way; who is a newcomer already stays one until it has the grades for it."""
        self._limits = limits
        self._newcomers = frozenset(model for model in self._newcomers if not self._is_known(model))

    def load(self, models: Iterable[str], grades: Mapping[str, int]) -> None:
        """Takes up the models of the pool, at the start and whenever they change.

        Args:
            models: everyone who may be chosen.
            grades: graded outcomes of each, as learned so far; who is not named has none.
        """
        before = self._grades
        self._grades = {model: max(grades.get(model, 0), before.get(model, 0)) for model in models}
        if not any(map(self._is_known, self._grades)):
            self._newcomers = _NOBODY
            return
        late = self._newcomers | (self._grades.keys() - before.keys())
        self._newcomers = frozenset(model for model in late & self._grades.keys() if not self._is_known(model))

    def closed(self, tenant: str, now_nanos: int) -> frozenset[str]:
        """The newcomers that this tenant is not to be given now: all of them, or none."""
        if not self._newcomers:
            return _NOBODY
        if self._limits.is_stopped:
            return self._newcomers
        account = self._account(tenant)
        account.turn(now_nanos // DAY_NANOS)
        return _NOBODY if self._may_choose(account) else self._newcomers

    def chosen(self, tenant: str, model: str, cost_nano_usd: int, now_nanos: int) -> None:
        """Counts a decision, whoever was chosen, at its expected cost."""
        account = self._accounts.get(tenant)
        if not self._newcomers and account is not None:
            # What a tenant asked for before a newcomer came gives it its share of the window.
            account.requests = min(account.requests + 1, WINDOW)
            account.choices = account.choices << 1 & _ALL
            return
        account = self._account(tenant)
        is_newcomer = model in self._newcomers
        account.choices = (account.choices << 1 | is_newcomer) & _ALL
        account.requests = min(account.requests + 1, WINDOW)
        if is_newcomer:
            account.turn(now_nanos // DAY_NANOS)
            account.spent_nano_usd += cost_nano_usd

    def settled(
        self, tenant: str, model: str, *, expected_nano_usd: int, actual_nano_usd: int, decided_nanos: int
    ) -> None:
        """Corrects a newcomer's expected cost to its bill, if both belong to the day that stands."""
        account = self._accounts.get(tenant)
        if account is not None and model in self._newcomers and decided_nanos // DAY_NANOS == account.day:
            account.spent_nano_usd = max(0, account.spent_nano_usd + actual_nano_usd - expected_nano_usd)

    def graded(self, model: str) -> None:
        """Counts a graded outcome of a model of the pool, from whatever tenant."""
        if model in self._grades:
            self._grades[model] += 1
            if model in self._newcomers and self._is_known(model):
                self._newcomers -= {model}

    def _is_known(self, model: str) -> bool:
        return self._grades[model] >= self._limits.newcomer_observations

    def _may_choose(self, account: _Account) -> bool:
        limits = self._limits
        if limits.max_nano_usd_per_day is not None and account.spent_nano_usd >= limits.max_nano_usd_per_day:
            return False
        # As if the next request went to a newcomer, so that the share holds after it as well.
        chosen = (account.choices << 1 & _ALL).bit_count() + 1
        requests = min(account.requests + 1, WINDOW)
        return limits.max_share > 0.0 and chosen <= max(ALLOWANCE, limits.max_share * requests)

    def _account(self, tenant: str) -> _Account:
        account = self._accounts.get(tenant)
        if account is None:
            account = self._accounts[tenant] = _Account()
            if len(self._accounts) > self._capacity:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(tenant)
        return account
