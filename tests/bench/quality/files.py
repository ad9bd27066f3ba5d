"""The outcome files that the table is measured on, opened as `atp replay --sweep` opens them.

A measurement enters here once per file and process; nothing is written and nothing is tuned here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from atp_grpc.config import PolicySettings, Settings
from atp_grpc.domain.policy import DEFAULT_SCHEMA, TEXT_SCHEMAS
from atp_grpc.replay.order import Halving
from atp_grpc.replay.pool import find_data
from atp_grpc.replay.preparing import Prepared, Wanted, prepare

CHECKOUT: Final = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class DeveloperFile:
    """How a file is used: its pool by the name in the price list, and how it is halved for the warm protocol."""

    pool: str | None = None
    halving: Halving = Halving.ROWS


FILES: Final[Mapping[str, DeveloperFile]] = {
    "paretobandit_val": DeveloperFile(),
    "bfcl": DeveloperFile(pool="bfcl_core12"),
    "routellm_mmlu": DeveloperFile(halving=Halving.CATEGORY),
    "routellm_gsm8k": DeveloperFile(),
    "llmrouter": DeveloperFile(),
    "paretobandit_extra": DeveloperFile(),
    "routellm_mt_bench": DeveloperFile(),
    "conduit_gsm8k": DeveloperFile(),
}


class NoDataError(RuntimeError):
    """There is no folder with outcome files."""


def data_folder() -> Path:
    """Where the files are.

    Raises:
        NoDataError: nowhere.
        PoolError: `ATP_DATA` names a folder that is not there.
    """
    folder = find_data(os.environ.get("ATP_DATA"), CHECKOUT)
    if folder is None:
        raise NoDataError("there is no outcome data: name its folder by ATP_DATA (docs/data.md)")
    return folder


@cache
def open_file(name: str, schema: str = DEFAULT_SCHEMA) -> Prepared:
    """Reads a file and computes the features of its prompts once, in a schema that is computed from text.

    Raises:
        NoDataError: there is no data to be found.
        OutcomeFileFault, PoolError, ListPriceError: the file or its price list cannot be used.
    """
    wanted = Wanted(
        files=[data_folder() / f"{name}.jsonl.gz"],
        simulated=None,
        prior=(),
        prior_weight=None,
        pool=FILES[name].pool,
        price_list=None,
        cost_weight=None,
        seeds=1,
        halving=None,
        limit=None,
    )
    policy = PolicySettings(feature_schema=schema, feature_dimension=TEXT_SCHEMAS[schema])
    [prepared] = prepare(wanted, Settings(policy=policy))
    return prepared
