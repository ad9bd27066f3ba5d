"""One block of the table: a policy on a file under a protocol, in every order and setting, graded.

The table enters here, in as many processes as it likes; a block depends on its own name alone. ATP's learners and the
baselines serve the same legs of the same run, and both end as the same kind of choices.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from atp_grpc.config import load
from atp_grpc.domain.money import TOKENS_PER_PRICE
from atp_grpc.replay.grading import OutcomeTable, Score, score
from atp_grpc.replay.passes import Chosen
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.run import Leg, Run, Served, serve
from atp_grpc.replay.sweep import Setting
from atp_grpc.replay.track import Track
from tests.bench.quality.baselines import online
from tests.bench.quality.baselines.contract import Matrix, Task, Vector
from tests.bench.quality.direct import run_direct
from tests.bench.quality.files import FILES, open_file
from tests.bench.quality.goals import Protocol
from tests.bench.quality.policies import LEARNERS, baseline

ORDERS: Final = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """What is measured; `overrides` are settings by key, on top of those of an ATP learner.

    The orders are `ORDERS` from `first_order` on.
    """

    file: str
    protocol: Protocol
    policy: str
    overrides: Mapping[str, str] = dataclasses.field(default_factory=dict)
    first_order: int = 0


def figures(block: Block) -> dict[str, float]:
    """Every metric of a block by name; raises what `measure` raises."""
    return dict(measure(block).metrics)


def measure(block: Block) -> Score:
    """Makes the choices and grades them.

    Raises:
        ConfigurationError: an override is no setting.
        NoDataError, OutcomeFileFault, PoolError, ListPriceError: the file cannot be had or used.
    """
    base = load(None, {}, {**LEARNERS.get(block.policy, {}), **block.overrides})
    prepared = open_file(block.file, base.policy.feature_schema)
    run = dataclasses.replace(
        prepared.run,
        seeds=ORDERS,
        first_seed=block.first_order,
        base=base,
        halving=FILES[block.file].halving if block.protocol is Protocol.WARM else None,
    )
    if block.policy in LEARNERS:
        served = serve(run, jobs=1, on_pass=lambda: None, work=run_direct)
    else:
        served = serve_baseline(run, prepared.table, block.policy)
    return score(prepared.table, served)


def serve_baseline(run: Run, table: OutcomeTable, policy: str) -> Served:
    """Serves every leg of a run by a baseline, all settings at once."""
    terms = terms_of(run.settings)
    stream = stream_of(run.track, run.settings)
    settings, arms = terms.charge.shape
    task = Task(settings, arms, stream.features)
    make = baseline(policy, table)
    picks = [
        online.serve(make(task), terms, stream.at(np.array(leg.rows)), _prior(stream, leg), _chance(leg))
        for leg in run.legs
    ]
    return Served(run, tuple(_chosen(pick, at) for at in range(settings) for pick in picks))


def terms_of(settings: Sequence[Setting]) -> online.Terms:
    """The prices of a sweep in units of quality: what is billed weighs by its mean, calls by their fixed price."""
    first_cost = np.zeros(len(settings[0].tariff.models))
    weight, charge = np.zeros(len(settings)), np.zeros((len(settings), len(first_cost)))
    for at, setting in enumerate(settings):
        if setting.tariff.is_billed:
            weight[at], first_cost = setting.cost_weight, _first_cost(setting)
        else:
            charge[at] = setting.cost_weight * _first_cost(setting)
    return online.Terms(weight, charge, first_cost)


def stream_of(track: Track, settings: Sequence[Setting]) -> online.Stream:
    """The outcomes of a file with costs in units of c_hi, nothing where everything is free."""
    cost: Matrix = np.zeros(track.quality.shape)
    known: Matrix = np.zeros(track.quality.shape)
    if (tariff := settings[0].tariff).is_billed:
        cost = track.cost_nano_usd / tariff.cost_scale_nano_usd
        known = np.outer(track.input_tokens, _in_scales([prices.input for prices in tariff.prices], tariff))
    features = np.array([np.frombuffer(packed, "<f4") for packed in track.features], float)
    return online.Stream(features, track.quality, cost, known)


def _first_cost(setting: Setting) -> Vector:
    """What the output of each arm is believed to cost before any bill, in cost scales."""
    tariff = setting.tariff
    return np.array(tariff.prior_output_tokens) * _in_scales([prices.output for prices in tariff.prices], tariff)


def _in_scales(prices: Sequence[int], tariff: Tariff) -> Vector:
    """Prices by the token, in cost scales."""
    return np.array(prices, float) / (TOKENS_PER_PRICE * tariff.cost_scale_nano_usd)


def _prior(stream: online.Stream, leg: Leg) -> online.Stream | None:
    return None if leg.taught is None else stream.at(np.array(leg.taught[1]))


def _chance(leg: Leg) -> np.random.Generator:
    """Every pass draws from a generator of its own."""
    return np.random.default_rng([leg.seed, *leg.dataset.encode()])


def _chosen(picks: online.Picks, setting: int) -> Chosen:
    return Chosen(array("H", picks.arms[:, setting].tolist()), array("d", picks.propensities[:, setting].tolist()))
