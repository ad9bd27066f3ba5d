"""Reads the catalogue file: providers, models, deployments and prices as domain values, or every complaint at once.

`live` enters here at start and at each change, the command line to check a file. A mistake anywhere refuses the whole
file. Complaints name the file (never its folder, since operators see them over the wire) and the line or the key path.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from atp_grpc.catalog.endpoints import Endpoints, JudgeAddress, accept_all
from atp_grpc.catalog.table import MAX_FIGURE, MAX_NAME_LENGTH, Table
from atp_grpc.catalog.toml import TomlFault, exact_decimal, read_toml
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.domain.model import DatedPrices, Deployment, Encoding, Model, Provider, ServingStatus
from atp_grpc.domain.money import TokenPrices

DEMONSTRATION = Path(__file__).with_name("demonstration.toml")
"""The built-in catalogue: the six models of the simulated world."""
MAX_FILE_BYTES = 16 * 1024 * 1024
_INDEX = r"\[\d+\]"

_Entry = TypeVar("_Entry", Provider, Model, Deployment)


class CatalogueFault(ValueError):
    """The catalogue cannot be used; `complaints` holds everything that is wrong with it."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a catalogue file says. `digest` is the SHA-256 of its bytes, in hex."""

    providers: tuple[Provider, ...]
    models: tuple[Model, ...]
    deployments: tuple[Deployment, ...]
    digest: str


def read_catalogue(path: Path, judge: JudgeAddress = accept_all) -> Catalogue:
    """The catalogue in a file; `judge` says what is wrong with the address of an endpoint.

    Raises:
        CatalogueFault: it cannot be read or used; every complaint at once.
    """
    return parse_catalogue(read_bytes(path), path.name, judge)


def read_bytes(path: Path) -> bytes:
    """The bytes of the file.

    Raises:
        CatalogueFault: it cannot be read, is not a regular file, or is larger than any catalogue.
    """
    try:
        # Asked before it is opened, because opening a pipe would wait for a writer.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CatalogueFault([f"{path.name}: not a regular file"])
        if status.st_size > MAX_FILE_BYTES:
            raise CatalogueFault([f"{path.name}: larger than {MAX_FILE_BYTES:,} bytes"])
        return path.read_bytes()
    except OSError as error:
        raise CatalogueFault([f"{path.name}: cannot be read: {error.strerror}"]) from None


def digest_of(data: bytes) -> str:
    """What tells one content of the file from another."""
    return hashlib.sha256(data).hexdigest()


def parse_catalogue(data: bytes, name: str, judge: JudgeAddress = accept_all) -> Catalogue:
    """The catalogue in the bytes of a file; `judge` says what is wrong with the address of an endpoint.

    Raises:
        CatalogueFault: they cannot be used; every complaint at once.
    """
    try:
        tree = read_toml(data, name, parse_float=exact_decimal)
    except TomlFault as fault:
        raise CatalogueFault([fault.complaint]) from None
    complaints: list[str] = []
    root = Table(tree, "", complaints)
    endpoints = Endpoints(judge)
    providers = _tables(root, "provider", complaints, lambda table: _provider(table, endpoints))
    models = _tables(root, "model", complaints, _model)
    deployments = _tables(root, "deployment", complaints, lambda table: _deployment(table, complaints, endpoints))
    root.finish()
    _check_references(deployments, models, providers)
    if complaints:
        raise CatalogueFault([f"{name}: {complaint.removeprefix('.')}" for complaint in complaints])
    return Catalogue(_values(providers), _values(models), _values(deployments), digest_of(data))


_Read = list[tuple[Table, _Entry]]


def _tables(
    root: Table, key: str, complaints: list[str], read: Callable[[Table], _Entry]
) -> list[tuple[Table, _Entry]]:
    """The entries of an array of tables, each with the table it came from. Names are distinct, or it is noted."""
    entries = [(table, read(table)) for table in _split(root, key, complaints)]
    if not root.has(key):
        root.complain(key, f"there is no [[{key}]]")
    counts = Counter(entry.name for _, entry in entries)
    for table, entry in entries:
        table.finish()
        if entry.name and counts[entry.name] > 1:
            table.complain("name", f"{counts[entry.name]} entries have the name {entry.name!r}")
    return entries


def _split(above: Table, key: str, complaints: list[str]) -> list[Table]:
    """The tables of an array, each under its own path."""
    written = above.raw(key)
    where = f"{above.where}.{key}" if above.where else key
    if written is None:
        return []
    if not isinstance(written, list) or not written:
        above.complain(key, f"must be tables, written [[{re.sub(_INDEX, '', where)}]]")
        return []
    tables = []
    for position, entries in enumerate(written):
        if isinstance(entries, dict):
            tables.append(Table(entries, f"{where}[{position}]", complaints, label=_label(entries)))
        else:
            above.complain(f"{key}[{position}]", "must be a table")
    return tables


def _label(entries: dict[str, Any]) -> str:
    """What people call an entry: its name, or for a deployment without one its model and provider."""
    name, model, provider = (entries.get(key) for key in ("name", "model", "provider"))
    label = name if isinstance(name, str) else f"{model}@{provider}" if model and provider else ""
    return label if len(label) <= MAX_NAME_LENGTH and label.isprintable() else ""


def _provider(table: Table, endpoints: Endpoints) -> Provider:
    provider = Provider(name=table.name("name"), display_name=table.text("display_name"))
    endpoints.take(provider.name, table)
    return provider


def _model(table: Table) -> Model:
    model = Model(
        name=table.name("name"),
        display_name=table.text("display_name"),
        context_tokens=table.whole("context_tokens"),
        max_output_tokens=table.whole("max_output_tokens"),
        capabilities=table.names("capabilities"),
        status=table.choice("status", ServingStatus.ACTIVE),
        prior_quality=table.number("prior_quality", default=1.0, maximum=1),
        prior_output_tokens=table.number("prior_output_tokens", default=256.0, maximum=MAX_FIGURE),
        prior_latency_seconds=table.number("prior_latency_seconds", default=1.0, maximum=MAX_FIGURE),
        tokenizer=table.choice("tokenizer", Encoding.O200K_BASE) if table.has("tokenizer") else None,
    )
    if model.max_output_tokens > model.context_tokens > 1:
        table.complain("max_output_tokens", f"must fit the context of {model.context_tokens} tokens")
    return model


def _deployment(table: Table, complaints: list[str], endpoints: Endpoints) -> Deployment:
    model, provider = table.name("model"), table.name("provider")
    history = _price_history(table, complaints)
    endpoint = endpoints.read(table, provider=provider, model=model)
    return Deployment(
        name=table.name("name", default=f"{model}@{provider}" if model and provider else "unnamed"),
        model=model,
        provider=provider,
        price_history=_with_write_prices(history, endpoint),
        regions=table.names("regions"),
        data_scopes=table.names("data_scopes"),
        status=table.choice("status", ServingStatus.ACTIVE),
        endpoint=endpoint,
    )


def _price_history(table: Table, complaints: list[str]) -> tuple[DatedPrices, ...]:
    """The prices of a deployment, oldest first."""
    history: dict[int, DatedPrices] = {}
    if not table.has("price"):
        table.complain("price", "there is no [[deployment.price]]")
    for entry in _split(table, "price", complaints):
        effective = entry.moment("effective_from")
        prices = _prices(entry)
        entry.finish()
        if effective in history:
            entry.complain("effective_from", "another price holds from the same moment")
        elif effective is not None:
            history[effective] = DatedPrices(effective, prices)
    return tuple(history[moment] for moment in sorted(history))


def _prices(table: Table) -> TokenPrices:
    return TokenPrices(
        input=table.price("input_usd_per_million_tokens", is_required=True) or 0,
        output=table.price("output_usd_per_million_tokens", is_required=True) or 0,
        cached_input=table.price("cached_input_usd_per_million_tokens", is_required=False),
        reasoning=table.price("reasoning_usd_per_million_tokens", is_required=False),
        cache_write_input=table.price("cache_write_input_usd_per_million_tokens", is_required=False),
    )


def _with_write_prices(history: tuple[DatedPrices, ...], endpoint: Endpoint | None) -> tuple[DatedPrices, ...]:
    """Prices at which an endpoint bills: where it speaks to Anthropic, writing the prompt cache has a price of its own.

    Anthropic's published price of a cache that is kept for five minutes, the only one that is asked for: 5/4 of the
    input price, rounded half up to a nano-US-dollar.
    """
    if endpoint is None or endpoint.dialect is not Dialect.ANTHROPIC:
        return history
    return tuple(DatedPrices(dated.effective_nanos, _with_write_price(dated.prices)) for dated in history)


def _with_write_price(prices: TokenPrices) -> TokenPrices:
    if prices.cache_write_input is not None:
        return prices
    return prices._replace(cache_write_input=(5 * prices.input + 2) // 4)


def _check_references(deployments: _Read[Deployment], models: _Read[Model], providers: _Read[Provider]) -> None:
    """Notes every deployment of a model or by a provider that is not in the file."""
    known_models = {model.name for _, model in models}
    known_providers = {provider.name for _, provider in providers}
    for table, deployment in deployments:
        if deployment.model and deployment.model not in known_models:
            table.complain("model", f"there is no model {deployment.model!r}")
        if deployment.provider and deployment.provider not in known_providers:
            table.complain("provider", f"there is no provider {deployment.provider!r}")


def _values(entries: Iterable[tuple[Table, _Entry]]) -> tuple[_Entry, ...]:
    return tuple(entry for _, entry in entries)
