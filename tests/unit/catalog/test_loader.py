"""What a good catalogue file means: values, defaults, exact prices and moments."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atp_grpc.catalog.loader import DEMONSTRATION, CatalogueFault, parse_catalogue, read_catalogue
from atp_grpc.catalog.table import nano_of
from atp_grpc.domain.endpoint import Dialect, Endpoint, Timeouts
from atp_grpc.domain.model import DatedPrices, Deployment, Encoding, Model, Provider, ServingStatus
from atp_grpc.domain.money import TokenPrices

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "catalog"
SMALLEST = (FIXTURES / "good_smallest.toml").read_text()
PRICE = "input_usd_per_million_tokens = 0.10"
USD = 1_000_000_000


def nanos(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * 1_000_000_000


def with_price(written: str) -> Deployment:
    text = SMALLEST.replace(PRICE, written)
    return parse_catalogue(text.encode(), "catalog.toml").deployments[0]


def test_the_smallest_catalogue_leaves_the_rest_to_defaults() -> None:
    catalogue = read_catalogue(FIXTURES / "good_smallest.toml")

    assert catalogue.providers == (Provider("harbor"),)
    assert catalogue.models == (Model("ember", context_tokens=8192, max_output_tokens=1024),)
    prices = (DatedPrices(0, TokenPrices(input=USD // 10, output=4 * USD // 10)),)
    assert catalogue.deployments == (Deployment("ember@harbor", "ember", "harbor", prices),)


def test_everything_that_can_be_said_is_read() -> None:
    catalogue = read_catalogue(FIXTURES / "good_everything.toml")

    assert catalogue.providers == (Provider("harbor", "Harbor Cloud"), Provider("summit"))
    assert catalogue.deployments[1].endpoint == Endpoint(
        dialect=Dialect.OPENAI,
        base_url="https://eu.harbor.example/v1",
        model="cobalt 2.1",
        keys=("env:HARBOR_KEY", "file:harbor-2"),
        quirks=frozenset(),
        headers={"X-Team": "atp"},
        query={"api-version": "2026-01-01"},
        timeouts=Timeouts(connect=2.0, first_token=20.0, total=90.5),
        max_in_flight=8,
        can_resume=True,
        price_is_ceiling=True,
    )
    assert catalogue.models[0] == Model(
        name="ember",
        display_name="Ember",
        context_tokens=8192,
        max_output_tokens=1024,
        capabilities=frozenset({"json", "tools"}),
        status=ServingStatus.SHADOW,
        prior_quality=0.75,
        prior_output_tokens=300.0,
        prior_latency_seconds=0.5,
        tokenizer=Encoding.O200K_BASE,
    )
    assert catalogue.deployments[0] == Deployment(
        name="ember-eu",
        model="ember",
        provider="summit",
        regions=frozenset({"eu-north"}),
        data_scopes=frozenset({"public", "internal"}),
        status=ServingStatus.DRAINING,
        price_history=(
            DatedPrices(0, TokenPrices(3 * USD, 12_000_000_001, 3 * USD // 10, 15 * USD, 36 * USD // 10)),
            DatedPrices(nanos(2026, 2, 28, 22), TokenPrices(2 * USD, 8 * USD)),
            DatedPrices(nanos(2026, 6, 1), TokenPrices(1 * USD, 4 * USD)),
        ),
    )
    assert catalogue.deployments[1].name == "labs/cobalt-2.1:free@harbor"
    assert catalogue.deployments[1].price_history[0].prices == TokenPrices(0, 0)


SPEAKS = 'name = "harbor"\ndialect = "{}"\nbase_url = "https://api.example.com:443"\nkeys = ["env:KEY"]'


@given(st.integers(0, 10**15))
@example(1)
@example(2)
@example(3)
def test_writing_anthropics_cache_costs_five_quarters_of_the_input_price_rounded_half_up(nano: int) -> None:
    price = f"input_usd_per_million_tokens = {nano // USD}.{nano % USD:09d}"
    text = SMALLEST.replace(PRICE, price).replace('name = "harbor"', SPEAKS.format("anthropic"), 1)

    (dated,) = parse_catalogue(text.encode(), "catalog.toml").deployments[0].price_history

    assert dated.prices.input == nano
    assert dated.prices.cache_write_input == (Decimal(nano) * 5 / 4).to_integral_value(ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("dialect", "written", "price"),
    [
        ("anthropic", "", USD // 8),
        ("anthropic", "cache_write_input_usd_per_million_tokens = 0.2", USD // 5),
        ("anthropic", "cache_write_input_usd_per_million_tokens = 0", 0),
        ("openai", "", None),
        ("remote", "", None),
        ("openai", "cache_write_input_usd_per_million_tokens = 0.2", USD // 5),
    ],
)
def test_writing_a_cache_has_the_price_that_is_named_and_else_only_anthropics(
    dialect: str, written: str, price: int | None
) -> None:
    speaks = SPEAKS.format(dialect) if dialect != "remote" else SPEAKS.format(dialect).replace("https://", "")
    text = SMALLEST.replace(PRICE, f"{PRICE}\n{written}").replace('name = "harbor"', speaks, 1)

    (dated,) = parse_catalogue(text.encode(), "catalog.toml").deployments[0].price_history

    assert dated.prices.cache_write_input == price


def test_the_digest_is_of_the_bytes() -> None:
    path = FIXTURES / "good_smallest.toml"

    assert read_catalogue(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


@given(st.integers(0, 10**15))
@example(10**15)
def test_a_price_is_exact_to_the_nano_dollar(nano: int) -> None:
    written = f"input_usd_per_million_tokens = {nano // USD}.{nano % USD:09d}"

    assert with_price(written).price_history[0].prices.input == nano


@given(st.integers(0, 10**15), st.integers(-6, 6))
def test_a_price_may_be_written_with_an_exponent(nano: int, shift: int) -> None:
    written = f"input_usd_per_million_tokens = {nano}.0e{shift - 9}"
    exact, rest = divmod(nano * 10**6 * 10 ** (shift + 6), 10**12)
    if rest or exact > 10**15:
        with pytest.raises(CatalogueFault):
            with_price(written)
    else:
        assert with_price(written).price_history[0].prices.input == exact


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000))
def test_moving_digits_agrees_with_exact_arithmetic(usd: Decimal) -> None:
    numerator, denominator = usd.as_integer_ratio()
    whole, rest = divmod(numerator * USD, denominator)

    assert nano_of(usd) == (None if rest else whole)


@given(
    st.datetimes(datetime(1971, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001 - the offset is drawn beside it
    st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_is_exact_to_the_microsecond_whatever_its_offset(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    since = with_price(f"effective_from = {moment.isoformat()}\n{PRICE}").price_history[0].effective_nanos

    assert since % 1000 == 0
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=since // 1000) == moment


def test_a_date_means_its_first_moment_in_utc() -> None:
    deployment = with_price(f"effective_from = 2026-06-01\n{PRICE}")

    assert deployment.price_history[0].effective_nanos == nanos(2026, 6, 1)


def test_the_demonstration_holds_the_six_models_of_the_simulated_world() -> None:
    catalogue = read_catalogue(DEMONSTRATION)
    by_model = {model.name: [d for d in catalogue.deployments if d.model == model.name] for model in catalogue.models}

    assert list(by_model) == ["ember-nano", "ember-mini", "cobalt-base", "cobalt-pro", "onyx-large", "onyx-reason"]
    assert {name: len(deployments) for name, deployments in by_model.items() if len(deployments) != 1} == {
        "cobalt-base": 2
    }
    assert len(catalogue.providers) == 2
    assert {d.provider for d in catalogue.deployments} == {provider.name for provider in catalogue.providers}


def test_the_demonstration_can_be_asked_and_calls_nobody() -> None:
    endpoints = [deployment.endpoint for deployment in read_catalogue(DEMONSTRATION).deployments]

    assert {(one.dialect, one.base_url, one.keys) for one in endpoints if one} == {(Dialect.DRY_RUN, "", ())}
    assert None not in endpoints


def test_the_demonstration_has_prices_from_cents_to_tens_of_dollars() -> None:
    prices = [d.prices_at(0) for d in read_catalogue(DEMONSTRATION).deployments]

    assert min((p.input, p.output) for p in prices if p) == (50_000_000, 200_000_000)
    assert max((p.input, p.output) for p in prices if p) == (12 * USD, 60 * USD)
