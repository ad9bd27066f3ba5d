"""Priors for the tests of a server: made of outcomes in which every model is always wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

from atp_grpc.client.messages import ImportPriorRequest
from atp_grpc.config import Settings, load
from atp_grpc.replay.lessons import teaching_of
from atp_grpc.replay.prior import teach
from tests.rpc.provoking import refused
from tests.rpc.serving import Serving
from tests.unit.replay.made import Outcomes, write_file

SETTINGS = load(None, {}, {})


def made_prior(folder: Path, models: tuple[str, ...], settings: Settings = SETTINGS) -> bytes:
    """A prior of sixty rows. Not to be called where an event loop runs."""

    def law(number: int, chance: object) -> Outcomes:
        return {model: {"quality": 0.0, "cost_usd": 0.001} for model in models}

    path = write_file(folder / f"{'-'.join(models)}.jsonl", 60, law)
    return teach(teaching_of([path], None, None, settings))


async def provoke_refusals_of_priors(server: Serving, folder: Path) -> None:
    """Imports what is damaged, what fits nobody, and one prior twice, into a server of the demonstration catalogue."""
    prior = await asyncio.to_thread(made_prior, folder, ("ember-nano", "onyx-reason"))
    strangers = await asyncio.to_thread(made_prior, folder, ("nobody", "knows"))
    import_prior = server.acme.priors.import_prior
    await refused(import_prior(ImportPriorRequest(prior=prior[:-1])), "PRIOR_DAMAGED", "INVALID_ARGUMENT")
    await refused(import_prior(ImportPriorRequest(prior=strangers)), "PRIOR_MISFIT", "FAILED_PRECONDITION")
    await import_prior(ImportPriorRequest(prior=prior))
    error = await refused(import_prior(ImportPriorRequest(prior=prior)), "PRIOR_ALREADY_APPLIED", "ALREADY_EXISTS")
    assert error.metadata["policy"] == "default"
