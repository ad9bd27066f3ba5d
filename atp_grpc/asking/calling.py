"""The call of an attempt: from a permit to a provider's stream, with the key, the cap and the prompt that go upstream.

The story enters here with every permit. It looks a key up and never keeps it; whoever has no key is passed over as if
the provider had refused it. It pulls nothing from the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from atp_grpc.asking.attempt import AttemptUnderWay
from atp_grpc.asking.counting import Tokenizer, Transcript
from atp_grpc.asking.failover import Admitted
from atp_grpc.asking.metering import Meter, size_of
from atp_grpc.asking.run import Run
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.conversation import Prompt, Role, TextPart, Turn
from atp_grpc.domain.endpoint import Dialect
from atp_grpc.domain.model import Encoding
from atp_grpc.providers.contract import FaultKind, Generation, Provider, ProviderFault
from atp_grpc.secrets.contract import ProviderKeys, SecretsError


class Calling:
    """Begins calls."""

    def __init__(
        self,
        *,
        providers: Mapping[Dialect, Provider],
        keys: ProviderKeys,
        meter: Meter,
        tokenizers: Mapping[Encoding, Tokenizer],
        monotonic: Callable[[], float],
        on_fault: Callable[[Exception], None],
    ) -> None:
        """`providers` are by the dialect that each speaks, `tokenizers` by the encodings that can be counted here."""
        self._providers = providers
        self._keys = keys
        self._meter = meter
        self._tokenizers = tokenizers
        self._monotonic = monotonic
        self._on_fault = on_fault

    def begin(self, run: Run, admitted: Admitted, snapshot: Snapshot) -> AttemptUnderWay | None:
        """Begins a call; None, the permit ended, when nobody here speaks its dialect or its key cannot be had."""
        permit, model = admitted.permit, admitted.offering.target.model
        endpoint = permit.endpoint
        provider = self._providers.get(endpoint.dialect)
        if provider is None:
            # Nothing that is done at the endpoint can change what was not installed here.
            permit.abandoned()
            run.course.give_up(admitted)
            return None
        try:
            key = self._keys.key(permit.key_reference) if permit.key_reference else ""
        except SecretsError:
            permit.failed(ProviderFault(FaultKind.KEY_REFUSED))
            return None
        prompt, cap = run.request.prompt, most_output_tokens(run, model, snapshot)
        prompt_bytes = run.prompt_bytes
        if run.resumes:
            said = run.relay.text
            prompt, prompt_bytes = _gone_on_with(prompt, said), prompt_bytes + size_of(said)
            cap = max(1, cap - self._meter.answer_tokens(model, size_of(said)))
        # Money is watched while an answer comes; nobody can watch one that comes whole.
        is_streamed = run.request.is_streamed or run.reservation is not None
        generation = Generation(
            endpoint,
            key,
            prompt,
            cap,
            is_streamed,
            f"{run.decision.decision_id}-{len(run.billed) + 1}",
            run.cascade is not None,
            run.request.routing.session_id,
            permit.deployment.name,
        )
        return AttemptUnderWay(
            permit,
            admitted.offering,
            provider.generate(generation),
            max_output_tokens=cap,
            is_streamed=is_streamed,
            prompt_bytes=prompt_bytes,
            picture_tokens=run.picture_tokens,
            marks_prompt=run.marks_prompt,
            ends=run.ends,
            meter=self._meter,
            transcript=self._transcript(model, prompt, snapshot),
            monotonic=self._monotonic,
            on_fault=self._on_fault,
        )

    def _transcript(self, model: str, prompt: Prompt, snapshot: Snapshot) -> Transcript | None:
        known = snapshot.models.get(model)
        if known is None or known.tokenizer is None:
            return None
        tokenizer = self._tokenizers.get(known.tokenizer)
        return None if tokenizer is None else Transcript(tokenizer, prompt)


def most_output_tokens(run: Run, model: str, snapshot: Snapshot) -> int:
    """The longest answer that is asked for: the caller's cap, within the model's own."""
    known, own = snapshot.models.get(model), run.request.prompt.max_output_tokens
    if known is None:
        return 1 if own is None else own
    return known.max_output_tokens if own is None else min(own, known.max_output_tokens)


def _gone_on_with(prompt: Prompt, said: str) -> Prompt:
    """The prompt with the answer so far as the model's own turn."""
    return replace(prompt, turns=(*prompt.turns, Turn(Role.ASSISTANT, (TextPart(said),))))
