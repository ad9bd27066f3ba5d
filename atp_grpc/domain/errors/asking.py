"""Why an Ask came to nothing: nobody could be called, an answer broke off, a request that providers refuse."""

from __future__ import annotations

from atp_grpc.domain.decision import Target
from atp_grpc.domain.errors.error import AtpError
from atp_grpc.domain.outcome import AttemptError, Usage


class ProvidersUnavailableError(AtpError):
    """Everybody who could be called failed, or may not be called now; nothing of an answer was shown."""

    reason = "PROVIDERS_UNAVAILABLE"

    def __init__(
        self, *, attempts: int, error: AttemptError | None, cost_nano_usd: int, retry_after_seconds: float
    ) -> None:
        """`error` is that of the last attempt; `cost_nano_usd` what the attempts cost all the same."""
        metadata = {"attempts": str(attempts), "cost_nano_usd": str(cost_nano_usd)}
        if error is not None:
            metadata["error"] = error.name
        super().__init__("no provider gave an answer", metadata=metadata, retry_after_seconds=retry_after_seconds)


class AnswerCutError(AtpError):
    """The answer broke off after it had begun, and nobody goes on with it."""

    reason = "ANSWER_CUT"

    def __init__(
        self, *, target: Target, error: AttemptError, total_characters: int, usage: Usage, cost_nano_usd: int
    ) -> None:
        """`usage` is the broken attempt's; `cost_nano_usd` that of all attempts."""
        super().__init__(
            "the answer broke off; it is not complete",
            metadata={
                "model": target.model,
                "deployment": target.deployment,
                "error": error.name,
                "total_characters": str(total_characters),
                "input_tokens": str(usage.prompt_tokens),
                "output_tokens": str((usage.output_tokens or 0) + (usage.reasoning_tokens or 0)),
                "cost_nano_usd": str(cost_nano_usd),
            },
        )


class ProviderRefusedRequestError(AtpError):
    """The provider refuses the request itself."""

    reason = "PROVIDER_REFUSED_REQUEST"

    def __init__(self, *, target: Target, fault: str) -> None:
        """`fault` is a value of `providers.contract.FaultKind`."""
        super().__init__(
            "the provider refuses the request itself",
            metadata={"model": target.model, "deployment": target.deployment, "fault": fault},
        )


class FeatureOffError(AtpError):
    """An operator has switched this off."""

    reason = "FEATURE_OFF"

    def __init__(self, flag: str) -> None:
        super().__init__(f"{flag} is switched off", metadata={"flag": flag})


class ChaosForbiddenError(AtpError):
    """Faults may not be injected here."""

    reason = "CHAOS_FORBIDDEN"

    def __init__(self, setting: str) -> None:
        super().__init__("the configuration does not allow faults to be injected", metadata={"setting": setting})
