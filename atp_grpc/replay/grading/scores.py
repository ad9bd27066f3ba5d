"""Choices graded: from lines to every figure about them.

`atp replay` and the bench of decision quality enter here. It reads no file and draws nothing; a line is judged only by
the outcomes of the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from rich.console import Console

from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.grading import screen
from atp_grpc.replay.grading.importance import Importance, importance
from atp_grpc.replay.grading.metrics import metrics
from atp_grpc.replay.grading.misfit import Misfit, MisfitKind
from atp_grpc.replay.grading.references import references
from atp_grpc.replay.grading.runs import arrange
from atp_grpc.replay.grading.setting import Setting
from atp_grpc.replay.grading.standing import SettingStanding, stand
from atp_grpc.replay.grading.table import OutcomeTable


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What choices on one table were worth. Settings stand by rising cost weight, seeds in rising order."""

    table: OutcomeTable
    seeds: tuple[int, ...]
    standings: tuple[SettingStanding, ...]
    metrics: Mapping[str, float]
    importance: Importance

    def as_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`; a figure that is nan, such as a cost that is not reached, becomes None."""
        found = {
            "prompts": len(self.table.prompts),
            "seeds": len(self.seeds),
            "references": references(self.table),
            "settings": [_setting_json(standing) for standing in self.standings],
            "metrics": dict(self.metrics),
            "importance": asdict(self.importance),
        }
        return {key: _without_nan(value) for key, value in found.items()}

    def show(self, console: Console) -> None:
        """Prints references, settings and metrics as tables."""
        console.print(screen.page(self.table, self.seeds, self.standings, self.metrics, self.importance))


def score(table: OutcomeTable, choices: Iterable[ChoiceLine]) -> Score:
    """Grades every setting and seed of one table's choices.

    Lines stand in stream order within their setting, seed and dataset; datasets `NAME.1` and `NAME.2` are passes over
    the halves of the table `NAME`, graded together against the whole.

    Raises:
        Misfit: a (setting, seed) lacks or repeats a prompt, settings differ in their seeds, or a line names a dataset,
            prompt, model, ceiling or propensity that cannot be.
    """
    runs = arrange(table, choices)
    settings = sorted((_named(table, name) for name in runs), key=lambda setting: setting.order)
    standings = tuple(stand(table, setting, list(runs[setting.name].values())) for setting in settings)
    return Score(
        table=table,
        seeds=tuple(next(iter(runs.values()))),
        standings=standings,
        metrics=metrics(table, standings),
        importance=importance((run for seeds in runs.values() for run in seeds.values()), len(table.models)),
    )


def _named(table: OutcomeTable, name: str) -> Setting:
    try:
        return Setting.named(name)
    except ValueError as error:
        raise Misfit(MisfitKind.BAD_SETTING, table.name, str(error)) from None


def _setting_json(standing: SettingStanding) -> dict[str, object]:
    made: dict[str, object] = {
        "setting": standing.setting.name,
        "quality": standing.mean_quality,
        "quality_sd": float(standing.quality.std()),
    }
    if standing.usd_per_1k is not None:
        made |= {"usd_per_1k": standing.mean_usd_per_1k, "gain": standing.gain}
    if standing.ceiling is not None:
        held = standing.ceiling
        made |= {"spend": held.spend, "spend_worst": held.spend_worst, "run_max": held.run_max}
        made |= {"Z": held.zero, "O": held.oracle}
    if standing.floor is not None:
        kept = standing.floor
        made |= {"floor_kept": kept.kept, "floor_worst": kept.worst, "floor_windows": kept.windows}
    if standing.latency is not None:
        made |= {"slo_kept": standing.latency.kept, "latency_p95_seconds": standing.latency.p95_seconds}
    return made


def _without_nan(value: object) -> object:
    """JSON has no nan."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
