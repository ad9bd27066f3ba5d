"""The scenarios behind the vectors: which story is told under which parameters.

Entered by `write_vectors`. Together the stories visit every rule of the engine; nothing here says what is right: the
reference does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

from atp_grpc.engine.contract import ContextMode, EngineParameters, Learner
from tests.conformance.engine import learning_stories, limit_stories, prompt_stories, tenant_stories
from tests.conformance.engine.recorder import Recorder
from tests.conformance.engine.world import FLAGS, HOUR, OWN, TEXT

Story = Callable[[Recorder], None]

SCENARIOS: Final[dict[str, tuple[EngineParameters, Story]]] = {
    "features": (FLAGS, learning_stories.features),
    "routing_thompson": (FLAGS, learning_stories.routing),
    "routing_linucb": (
        dataclasses.replace(FLAGS, learner=Learner.LINUCB, context=ContextMode.ON),
        learning_stories.routing,
    ),
    "routing_greedy": (
        dataclasses.replace(FLAGS, learner=Learner.GREEDY, context=ContextMode.OFF),
        learning_stories.routing,
    ),
    "routing_squarecb": (dataclasses.replace(FLAGS, learner=Learner.SQUARECB), learning_stories.routing),
    "routing_ucb1": (
        dataclasses.replace(FLAGS, learner=Learner.UCB1, context=ContextMode.ON, alpha=1.0),
        learning_stories.routing,
    ),
    "routing_thompson_beta": (dataclasses.replace(FLAGS, learner=Learner.THOMPSON_BETA), learning_stories.routing),
    "routing_text": (dataclasses.replace(TEXT, context=ContextMode.ON), learning_stories.routing),
    "own_schema": (OWN, learning_stories.vectors_of_a_caller),
    "own_schema_linear": (
        dataclasses.replace(OWN, context=ContextMode.ON, slope_precision=0.25, scale=0.4, epsilon=0.2),
        learning_stories.vectors_of_a_caller,
    ),
    "decay": (
        dataclasses.replace(OWN, half_life_nanos=HOUR, context=ContextMode.ON, scale=0.3),
        learning_stories.decay,
    ),
    "decay_uneven": (
        dataclasses.replace(OWN, half_life_nanos=HOUR + 12_345, context_min_weight=2.0),
        learning_stories.decay,
    ),
    "limits": (OWN, limit_stories.limits),
    "ties_greedy": (dataclasses.replace(OWN, learner=Learner.GREEDY), limit_stories.ties),
    "ties_linucb": (dataclasses.replace(OWN, learner=Learner.LINUCB, epsilon=1.0), limit_stories.ties),
    "ties_thompson_still": (dataclasses.replace(OWN, scale=0.0, epsilon=0.0), limit_stories.ties),
    "ties_squarecb": (dataclasses.replace(OWN, learner=Learner.SQUARECB, gamma=0.0), limit_stories.ties),
    "ties_ucb1": (dataclasses.replace(OWN, learner=Learner.UCB1), limit_stories.ties),
    "tenants": (
        dataclasses.replace(
            OWN,
            learner=Learner.SQUARECB,
            context=ContextMode.ON,
            half_life_nanos=HOUR,
            tenant_pseudo_count=0.5,
            tenant_offset_limit=0.3,
            tenant_limit=2,
        ),
        tenant_stories.tenants,
    ),
    "tenants_beta": (
        dataclasses.replace(
            OWN,
            learner=Learner.THOMPSON_BETA,
            context=ContextMode.ON,
            tenant_pseudo_count=0.5,
            tenant_offset_limit=1.0,
        ),
        tenant_stories.tenants,
    ),
    "tenants_unknown": (dataclasses.replace(OWN, tenant_limit=0), tenant_stories.tenants),
    "context": (dataclasses.replace(OWN, context_min_weight=8.0), learning_stories.context),
    "common": (
        dataclasses.replace(OWN, context=ContextMode.ON, half_life_nanos=24 * HOUR, scale=0.3),
        prompt_stories.common,
    ),
    "common_held": (
        dataclasses.replace(OWN, learner=Learner.LINUCB, slope_precision=0.25, common_precision=30.0),
        prompt_stories.common,
    ),
    "lengths": (dataclasses.replace(OWN, half_life_nanos=HOUR), prompt_stories.lengths),
    "lengths_held": (
        dataclasses.replace(OWN, context=ContextMode.ON, learner=Learner.GREEDY, token_precision=20.0),
        prompt_stories.lengths,
    ),
    "lengths_off": (dataclasses.replace(OWN, context=ContextMode.OFF), prompt_stories.lengths),
    "lengths_ucb1": (dataclasses.replace(OWN, learner=Learner.UCB1, context=ContextMode.ON), prompt_stories.lengths),
    "discount": (dataclasses.replace(OWN, context=ContextMode.ON, tenant_pseudo_count=0.5), prompt_stories.discount),
    "tails": (OWN, limit_stories.tails),
    "favour": (OWN, limit_stories.favour),
    "favour_squarecb": (dataclasses.replace(OWN, learner=Learner.SQUARECB, gamma=20.0), limit_stories.favour),
    "refusals": (OWN, limit_stories.refusals),
    "sequences": (OWN, limit_stories.sequences),
    "checkpoints": (OWN, limit_stories.checkpoints),
}

SELF_TEST: Final[dict[str, tuple[EngineParameters, Story]]] = {
    "thompson": (dataclasses.replace(FLAGS, context=ContextMode.ON, scale=0.5), learning_stories.start_up),
    "greedy": (dataclasses.replace(FLAGS, learner=Learner.GREEDY), learning_stories.start_up),
    "ageing": (dataclasses.replace(OWN, learner=Learner.LINUCB, half_life_nanos=HOUR), learning_stories.ageing),
    "squarecb": (
        dataclasses.replace(OWN, learner=Learner.SQUARECB, context=ContextMode.ON, tenant_pseudo_count=1.5),
        tenant_stories.start_up,
    ),
    "prompts": (dataclasses.replace(OWN, context=ContextMode.ON, scale=0.3), prompt_stories.start_up),
    "ucb1": (
        dataclasses.replace(OWN, learner=Learner.UCB1, alpha=1.0, tenant_pseudo_count=0.5, tenant_limit=1),
        tenant_stories.start_up,
    ),
    "beta": (
        dataclasses.replace(OWN, learner=Learner.THOMPSON_BETA, half_life_nanos=HOUR, tenant_pseudo_count=0.125),
        tenant_stories.start_up,
    ),
}
"""Small enough to run at every start of a server; kept in the package as `self_test.json`."""

TEXT_SELF_TEST: Final[dict[str, tuple[EngineParameters, Story]]] = {
    "text": (dataclasses.replace(TEXT, context=ContextMode.ON, scale=0.5), learning_stories.start_up),
}
"""The same for servers whose features come from the text table; kept as `self_test_text.json`."""
