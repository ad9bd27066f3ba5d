# Private face of the Rust parts; modules of atp_grpc named `native` alone read it. Nothing is stable but CROSSING.

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, TypeAlias, final

from atp_grpc.domain.ask import CacheOutcome, FinishReason
from atp_grpc.domain.ask import Final as FinalEvent
from atp_grpc.domain.conversation import Role, Sampling, TextPart, Turn
from atp_grpc.domain.decision import Candidate, Drawn, Expectation, Lesson, Revisions, Target
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Attempt, AttemptError, Observation, Report, Usage
from atp_grpc.domain.request import Constraints, FeatureVector, Objective
from atp_grpc.engine.contract import Exclusion, Outcome, Query
from atp_grpc.routing.scribe.contract import Facts
from atp_grpc.services.reports.contract import Acknowledgement, Reading

__all__ = [
    "CROSSING",
    "AnswerWriter",
    "AskFields",
    "AskReader",
    "Choice",
    "Engine",
    "LessonReader",
    "NativeError",
    "ObservationWriter",
    "Offerings",
    "Reader",
    "ReportReader",
    "Request",
    "Routed",
    "Scribe",
    "TextExtractor",
    "Tokenizer",
    "__version__",
    "observe_batch_response",
    "observe_response",
    "route_batch_response",
    "route_response",
]

CROSSING: Final[int]
__version__: Final[str]

# Fields in the order of the contract's dataclasses, as `Engine` takes those of `EngineParameters`.
_Exclusions: TypeAlias = tuple[Exclusion, Exclusion, Exclusion]
_Arm: TypeAlias = tuple[str, float, float, float, float]
_Offer: TypeAlias = tuple[int, int, int]
_ArmSummary: TypeAlias = tuple[str, float, float, float, float, float, float]

# A refusal: the word for its kind, and a sentence.
class NativeError(Exception):
    args: tuple[str, str]

# One decision; the attributes of the contract's `Choice`.
@final
class Choice:
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    @property
    def engine(self) -> str: ...
    @property
    def chosen(self) -> int | None: ...
    @property
    def propensities(self) -> list[float]: ...
    @property
    def utilities(self) -> list[float]: ...
    @property
    def quality(self) -> list[float]: ...
    @property
    def cost_nano_usd(self) -> list[float]: ...
    @property
    def latency_seconds(self) -> list[float]: ...
    @property
    def failure_rate(self) -> list[float]: ...
    @property
    def exclusions(self) -> Mapping[int, Exclusion]: ...
    @property
    def floor_unmet(self) -> bool: ...
    @property
    def slo_unmet(self) -> bool: ...
    @property
    def features(self) -> bytes: ...
    @property
    def context_on(self) -> bool: ...
    @property
    def predicted_mean(self) -> float: ...
    @property
    def predicted_linear(self) -> float: ...

# A selection engine for one pool. Every method may raise NativeError.
@final
class Engine:
    def __new__(
        cls, parameters: tuple[object, ...], exclusions: _Exclusions, text: TextExtractor | None, /
    ) -> Engine: ...
    @property
    def generation(self) -> int: ...
    def load(self, arms: list[_Arm], offers: list[_Offer], generation: int, /) -> None: ...
    def features(self, text: str, /) -> bytes: ...
    def choose(self, query: Query, /) -> Choice: ...
    def choose_batch(self, queries: list[Query], /) -> list[Choice | NativeError]: ...
    def learn(self, outcome: Outcome, /) -> bool: ...
    def discount(self, arm: str, keep: float, /) -> bool: ...
    def checkpoint(self) -> bytes: ...
    def restore(self, data: bytes, /) -> None: ...
    def summary(self, now: int, /) -> tuple[list[_ArmSummary], int, bool, float, dict[str, int]]: ...
    def inject_panic(self, count: int, /) -> None: ...

# A request that breaks no rule; the attributes of `domain.request.Routable`.
@final
class Request:
    @property
    def request_id(self) -> str: ...
    @property
    def text(self) -> str | None: ...
    @property
    def source(self) -> Request | None: ...
    @property
    def text_bytes(self) -> int: ...
    @property
    def schema_id(self) -> str: ...
    @property
    def vector(self) -> bytes | None: ...
    @property
    def input_tokens(self) -> int | None: ...
    @property
    def max_output_tokens(self) -> int | None: ...
    @property
    def constraints(self) -> Constraints: ...
    @property
    def objective(self) -> Objective: ...
    @property
    def policy(self) -> str: ...
    @property
    def min_revision(self) -> int: ...
    @property
    def task_type(self) -> str: ...
    @property
    def session_id(self) -> str: ...
    @property
    def labels(self) -> dict[str, str]: ...

# Reads requests; None is what is not plainly valid. The functions give a value and whether its bytes are plain.
@final
class Reader:
    def __new__(
        cls,
        constraints: Callable[[bytes], tuple[Constraints, bool]],
        no_constraints: Constraints,
        objective: Callable[[bytes], tuple[Objective, bool]],
        /,
    ) -> Reader: ...
    def read(self, payload: bytes, /) -> Request | None: ...
    def read_batch(self, payload: bytes, /) -> list[Request | None] | None: ...

# A request of Ask: what is routed, turns, sampling, id, number of the `OnCut`, number of the `CacheUse`.
AskFields: TypeAlias = tuple[Request, tuple[Turn, ...], Sampling, str, int, int]

# Reads requests of Ask; None is what is not plainly valid, or holds more than texts. Roles by their number.
@final
class AskReader:
    def __new__(
        cls,
        constraints: Callable[[bytes], tuple[Constraints, bool]],
        no_constraints: Constraints,
        objective: Callable[[bytes], tuple[Objective, bool]],
        sampling: Callable[[bytes], tuple[Sampling, bool]],
        usual_sampling: Sampling,
        turn: type[Turn],
        part: type[TextPart],
        roles: list[Role | None],
        /,
    ) -> AskReader: ...
    def read(self, payload: bytes, /) -> AskFields | None: ...
    def read_streamed(self, payload: bytes, /) -> AskFields | None: ...

# Writes answers of Ask that have no tool calls. Reasons, errors and outcomes of the cache by their number.
@final
class AnswerWriter:
    def __new__(
        cls,
        reasons: list[FinishReason | None],
        errors: list[AttemptError | None],
        outcomes: list[CacheOutcome],
        /,
    ) -> AnswerWriter: ...
    def whole(self, decision: bytes, text: str, end: FinalEvent, /) -> bytes: ...
    def delta(self, sequence: int, text: str, total_characters: int, /) -> bytes: ...
    def end(self, sequence: int, end: FinalEvent, /) -> bytes: ...

# What can be bought under one catalogue: (model, deployment, provider, prices), by offer, and the same as the domain's.
@final
class Offerings:
    def __new__(
        cls,
        offerings: list[tuple[str, str, str, tuple[int, int, int, int, int]]],
        bought: list[tuple[Target, TokenPrices]],
        catalog: int,
        /,
    ) -> Offerings: ...

# A decision as it was written down; the attributes of the contract's `Routed`.
@final
class Routed:
    @property
    def decision_id(self) -> str: ...
    @property
    def policy(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def expected_cost_nano_usd(self) -> int: ...
    @property
    def token(self) -> bytes: ...
    @property
    def record(self) -> bytes: ...
    def drawn(self) -> Drawn: ...

# Writes decisions down: policy, its version, its schema, the token's life in nanoseconds, and who seals.
@final
class Scribe:
    def __new__(
        cls,
        policy: str,
        version: int,
        schema: str,
        scales: tuple[float, float],
        ttl: int,
        seal: Callable[[bytes, bytes], bytes],
        words: tuple[
            type[Drawn], type[Lesson], type[FeatureVector], type[Revisions], type[Candidate], type[Expectation]
        ],
        /,
    ) -> Scribe: ...
    def write(self, choice: Choice, offerings: Offerings, facts: Facts, refusals: bytes, /) -> Routed: ...

def route_response(routed: Routed, /) -> bytes: ...
def route_batch_response(results: list[Routed | tuple[int, bytes]], /) -> bytes: ...

# Reads reports into the domain's tuples; None is what is not plainly valid. Errors and no labels: what stands for them.
@final
class ReportReader:
    def __new__(
        cls,
        reading: type[Reading],
        report: type[Report],
        attempt: type[Attempt],
        usage: type[Usage],
        errors: list[AttemptError | None],
        no_labels: Mapping[str, str],
        /,
    ) -> ReportReader: ...
    def read(self, payload: bytes, /) -> Reading | None: ...
    def read_batch(self, payload: bytes, /) -> list[Reading | None] | None: ...

# Reads what a token opened into; None is what is no lesson.
@final
class LessonReader:
    def __new__(
        cls,
        lesson: type[Lesson],
        features: type[FeatureVector],
        prices: type[TokenPrices],
        revisions: type[Revisions],
        /,
    ) -> LessonReader: ...
    def read(self, plain: bytes, tenant: str, /) -> Lesson | None: ...

# Writes observations down.
@final
class ObservationWriter:
    def __new__(cls, errors: list[AttemptError | None], /) -> ObservationWriter: ...
    def record(self, observation: Observation, /) -> bytes: ...

def observe_response(acknowledged: Acknowledgement, /) -> bytes: ...
def observe_batch_response(results: list[Acknowledgement | bytes], /) -> bytes: ...

# Computes the schema `text.v1` from the table whose bytes it was given.
@final
class TextExtractor:
    def __new__(cls, table: bytes, /) -> TextExtractor: ...
    def embed(self, text: str, /) -> bytes: ...
    def extract(self, text: str, /) -> bytes: ...

# Counts the tokens of texts in one published encoding, which its first count loads.
@final
class Tokenizer:
    def __new__(cls, encoding: str, /) -> Tokenizer: ...
    def count(self, text: str, /) -> int: ...
