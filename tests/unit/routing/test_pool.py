"""The pool: the engine is loaded with the arms of a catalogue before anyone can choose on it, and only then."""

from __future__ import annotations

from collections.abc import Sequence

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.engine.contract import Arm, Offer
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.routing.pool import Pool
from tests.unit.routing.desk import PARAMETERS, Standing
from tests.unit.routing.examples import NOW, deployment, model, snapshot


class CountingEngine(ReferenceEngine):
    """Remembers the generations it was loaded with."""

    def __init__(self) -> None:
        super().__init__(PARAMETERS)
        self.loads: list[int] = []

    def load(self, arms: Sequence[Arm], offers: Sequence[Offer], generation: int) -> None:
        super().load(arms, offers, generation)
        self.loads.append(generation)


def of_generation(generation: int) -> Snapshot:
    name = f"m{generation}"
    return snapshot([model(name)], [deployment(name)], generation=generation)


def test_a_snapshot_is_loaded_once_and_its_filters_are_kept() -> None:
    engine, catalogue = CountingEngine(), Standing(of_generation(1))
    pool = Pool(catalogue, engine)  # type: ignore[arg-type]
    first = pool.at(NOW)
    assert pool.at(NOW) is first
    assert pool.engine is engine
    catalogue.view = of_generation(2)
    second = pool.at(NOW)
    assert second.snapshot is catalogue.view
    assert second.eligibility is not first.eligibility
    assert engine.loads == [1, 2]


def test_an_engine_that_has_the_generation_already_is_not_loaded_again() -> None:
    engine, catalogue = CountingEngine(), Standing(of_generation(1))
    view = catalogue.view
    engine.load(view.arms, view.offers, 1)
    assert Pool(catalogue, engine).at(NOW).snapshot is view  # type: ignore[arg-type]
    assert engine.loads == [1]
