"""The pairing of a catalogue and an engine: a decision never sees arms of one and prices of another.

The router takes one `View` per call. When the catalogue has moved on, the engine is loaded with the new arms before
anyone can choose; there is no await in between, so no decision falls in the gap. It never reads files and never
learns.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.request import NO_CONSTRAINTS, Constraints
from atp_grpc.engine.contract import Engine
from atp_grpc.routing.eligibility import Eligibility


class View:
    """One snapshot with its filters."""

    __slots__ = ("_callable", "_filters", "eligibility", "snapshot")

    def __init__(self, snapshot: Snapshot, filters: Constraints, *, needs_endpoint: bool = False) -> None:
        """With `needs_endpoint`, only deployments that can be called from here count."""
        self.snapshot = snapshot
        self.eligibility = Eligibility(snapshot, filters, needs_endpoint=needs_endpoint)
        self._filters = filters
        self._callable = self if needs_endpoint else None

    @property
    def callable(self) -> View:
        """The same snapshot, sifted for requests that are carried out from here."""
        if self._callable is None:
            # Made when it is first wanted: a process that only routes never needs it.
            self._callable = View(self.snapshot, self._filters, needs_endpoint=True)
        return self._callable


class Pool:
    """Keeps the engine's arms equal to the catalogue's."""

    def __init__(
        self,
        catalogue: LiveCatalogue,
        engine: Engine,
        filters: Constraints = NO_CONSTRAINTS,
        on_load: Callable[[], None] = lambda: None,
    ) -> None:
        """`filters` are those of the routing policy that the engine serves; `on_load` hears when it has other arms."""
        self._catalogue = catalogue
        self._engine = engine
        self._filters = filters
        self._on_load = on_load
        self._view: View | None = None

    @property
    def engine(self) -> Engine:
        """The engine, loaded with the arms of the last view."""
        return self._engine

    def at(self, now_nanos: int) -> View:
        """The view in force at a moment."""
        snapshot = self._catalogue.at(now_nanos)
        view = self._view
        if view is None or view.snapshot is not snapshot:
            if self._engine.generation != snapshot.generation:
                self._engine.load(snapshot.arms, snapshot.offers, snapshot.generation)
                self._on_load()
            view = self._view = View(snapshot, self._filters)
        return view
