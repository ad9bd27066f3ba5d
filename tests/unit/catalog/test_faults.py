"""Every mistake a catalogue can hold is told, with its line or key; one file a mistake, named after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.catalog.loader import MAX_FILE_BYTES, CatalogueFault, parse_catalogue, read_catalogue
from atp_grpc.domain.endpoint import Quirk

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "catalog"
GOOD = (FIXTURES / "good_everything.toml").read_bytes()

INPUT = "deployment[0].price[0].input_usd_per_million_tokens"
SINCE = "deployment[0].price[0].effective_from"
NO_EMBER = "deployment[0].model (ember@harbor): there is no model 'ember'"
NO_HARBOR = "deployment[0].provider (ember@harbor): there is no provider 'harbor'"

NO_LANGUAGE = "dialect (harbor): is missing: how can it be called?"
NO_ADDRESS = "deployment[0].base_url (ember@harbor): is missing: the dialect openai needs an address"
NOT_A_REFERENCE = "must refer to a key as env:NAME or file:NAME; a key itself never stands here"

MISTAKES = {
    "adapter_without_port": ["provider[0].base_url (harbor): must be host:port, where the adapter listens"],
    "address_is_a_number": ["provider[0].base_url (harbor): must be an address in printable ASCII", NO_ADDRESS],
    "address_missing": [NO_ADDRESS],
    "address_without_dialect": [f"provider[0].{NO_LANGUAGE}"],
    "beginning_twice": ["deployment[0].price[1].effective_from: another price holds from the same moment"],
    "capabilities_are_text": ["model[0].capabilities (ember): must be a list of names, got 'tools'"],
    "capability_twice": ["model[0].capabilities[2] (ember): 'json' stands twice"],
    "ceiling_without_price": ["deployment[0].price (ember@harbor): there is no [[deployment.price]]"],
    "context_is_a_fraction": ["model[0].context_tokens (ember): must be a whole number, got 8192.5"],
    "context_is_a_truth": ["model[0].context_tokens (ember): must be a whole number, got true"],
    "context_missing": ["model[0].context_tokens (ember): is missing"],
    "context_of_zero": ["model[0].context_tokens (ember): must be from 1 to 1,000,000,000, got 0"],
    "context_too_large": ["model[0].context_tokens (ember): must be from 1 to 1,000,000,000, got 1000000001"],
    "cut_in_the_middle": ["Unterminated string (at end of document)"],
    "date_is_a_time": [f"{SINCE}: must be a date-time with an offset, or a date, got 12:00:00"],
    "date_is_text": [f"{SINCE}: must be a date-time with an offset, or a date, got '2026-01-01'"],
    "date_too_early": [f"{SINCE}: must be from 1971 to 2199, got 1970-12-31 00:00:00+00:00"],
    "date_too_late": [f"{SINCE}: must be from 1971 to 2199, got 2200-01-01 00:00:00+00:00"],
    "date_without_offset": [f"{SINCE}: needs an offset, for example Z for UTC, got 2026-01-01 00:00:00"],
    "deployment_twice": [
        "deployment[0].name (ember@harbor): 2 entries have the name 'ember@harbor'",
        "deployment[1].name (ember@harbor): 2 entries have the name 'ember@harbor'",
    ],
    "deployment_without_model": ["deployment[0].model: is missing"],
    "dialect_unknown": [
        "provider[0].dialect (harbor): must be one of openai, anthropic, remote, litellm, dry_run, got 'cohere'"
    ],
    "display_name_on_two_lines": [
        r"model[0].display_name (ember): must be at most 128 printable characters, got 'Em\nber'"
    ],
    "dry_run_with_address": ["provider[0].base_url (harbor): a dry run calls nobody, so it has no address"],
    "empty": [
        "provider: there is no [[provider]]",
        "model: there is no [[model]]",
        "deployment: there is no [[deployment]]",
    ],
    "header_is_a_secret": [
        "provider[0].headers.Authorization: would be a secret; write a reference under `keys`",
    ],
    "header_of_ours": ["provider[0].headers.Host: is set by the server itself"],
    "header_on_two_lines": ["provider[0].headers.X-Team: must be at most 1024 printable ASCII characters"],
    "key_twice": ["provider[0].keys[1] (harbor): env:HARBOR_KEY stands twice"],
    "key_written_out": [
        f"provider[0].keys[1] (harbor): {NOT_A_REFERENCE}",
        f"provider[0].keys[2] (harbor): {NOT_A_REFERENCE}",
    ],
    "keys_are_text": ["provider[0].keys (harbor): must be a list"],
    "limits_without_dialect": ["deployment[0].dialect (ember@harbor): is missing: how can it be called?"],
    "many_mistakes": [
        "provider[0].name (har bor): must be letters, digits and ._:/@+- after a letter or digit, got 'har bor'",
        "model[0].context_tokens (ember): must be from 1 to 1,000,000,000, got -1",
        "model[0].status (ember): must be one of active, shadow, draining, deprecated, got 'gone'",
        f"{INPUT}: must be from 0 to 1,000,000 US dollars, got -1",
        "deployment[0].model (onyx@harbor): there is no model 'onyx'",
        "deployment[0].provider (onyx@harbor): there is no provider 'harbor'",
    ],
    "model_twice": [
        "model[0].name (ember): 2 entries have the name 'ember'",
        "model[1].name (ember): 2 entries have the name 'ember'",
    ],
    "model_without_name": ["model[0].name: is missing", NO_EMBER],
    "models_are_not_tables": ["model[0]: must be a table", NO_EMBER],
    "name_is_a_number": ["provider[0].name: must be a name, got 7", NO_HARBOR],
    "name_too_long": [f"provider[0].name: must have at most 128 characters, got '{'h' * 59}...", NO_HARBOR],
    "name_with_a_space": [
        "model[0].name (em ber): must be letters, digits and ._:/@+- after a letter or digit, got 'em ber'",
        NO_EMBER,
    ],
    "nested_too_deeply": ["nested too deeply"],
    "no_price": ["deployment[0].price (ember@harbor): there is no [[deployment.price]]"],
    "not_utf8": [":3: not UTF-8 text"],
    "number_too_long": ["holds a number that is too long"],
    "output_above_context": ["model[0].max_output_tokens (ember): must fit the context of 8192 tokens"],
    "places_of_zero": ["deployment[0].max_in_flight (ember@harbor): must be from 1 to 1,000,000,000, got 0"],
    "price_beyond_decimals": [f"{INPUT}: must be a number of US dollars, got NaN"],
    "price_infinite": [f"{INPUT}: must be a number of US dollars, got Infinity"],
    "price_is_a_truth": [f"{INPUT}: must be a number of US dollars, got true"],
    "price_is_one_table": ["deployment[0].price (ember@harbor): must be tables, written [[deployment.price]]"],
    "price_is_text": [f"{INPUT}: must be a number of US dollars, got '0.10'"],
    "price_negative": [f"{INPUT}: must be from 0 to 1,000,000 US dollars, got -0.10"],
    "price_not_a_number": [f"{INPUT}: must be a number of US dollars, got NaN"],
    "price_too_fine": [f"{INPUT}: must have at most 9 decimals, got 0.1234567891"],
    "price_too_large": [f"{INPUT}: must be from 0 to 1,000,000 US dollars, got 1000000.01"],
    "price_without_output": ["deployment[0].price[0].output_usd_per_million_tokens: is missing"],
    "prices_empty": ["deployment[0].price (ember@harbor): must be tables, written [[deployment.price]]"],
    "prior_latency_negative": ["model[0].prior_latency_seconds (ember): must be from 0 to 1,000,000,000, got -0.5"],
    "prior_output_beyond_floats": ["model[0].prior_output_tokens (ember): must be from 0 to 1,000,000,000, got 1E+999"],
    "provider_is_one_table": ["provider: must be tables, written [[provider]]", NO_HARBOR],
    "provider_twice": [
        "provider[0].name (harbor): 2 entries have the name 'harbor'",
        "provider[1].name (harbor): 2 entries have the name 'harbor'",
    ],
    "quality_above_one": ["model[0].prior_quality (ember): must be from 0 to 1, got 1.01"],
    "quality_is_text": ["model[0].prior_quality (ember): must be a number, got 'high'"],
    "quality_not_a_number": ["model[0].prior_quality (ember): must be a number, got NaN"],
    "query_is_a_secret": ["provider[0].query.api_key: would be a secret; write a reference under `keys`"],
    "query_is_text": ["provider[0].query (harbor): must be a table"],
    "quirk_unknown": [f"provider[0].quirks (harbor): 'no_sede' is none of {', '.join(Quirk)}"],
    "region_is_a_number": ["deployment[0].regions[1] (ember@harbor): must be a name, got 7"],
    "resume_is_text": ["deployment[0].can_resume (ember@harbor): must be true or false, got 'yes'"],
    "same_moment_twice": ["deployment[0].price[1].effective_from: another price holds from the same moment"],
    "syntax_error": [":2:8: Invalid value"],
    "timeout_of_zero": [
        "provider[0].timeouts.connect_seconds: must be above 0 and at most 3,600 seconds, got 0",
        "provider[0].timeouts.total_seconds: must be above 0 and at most 3,600 seconds, got 3601",
    ],
    "tokenizer_unknown": ["model[0].tokenizer (ember): must be one of o200k_base, cl100k_base, got 'o200k'"],
    "timeout_unknown": ["provider[0].timeouts.read_seconds: unknown; did you mean total_seconds?"],
    "unknown_key_of_deployment": ["deployment[0].regoins (ember@harbor): unknown; did you mean regions?"],
    "unknown_key_of_model": ["model[0].contxt_tokens (ember): unknown; did you mean context_tokens?"],
    "unknown_key_of_price": ["deployment[0].price[0].usd: unknown"],
    "unknown_key_of_provider": ["provider[0].region (harbor): unknown"],
    "unknown_model": ["deployment[0].model (onyx@harbor): there is no model 'onyx'"],
    "unknown_provider": ["deployment[0].provider (ember@summit): there is no provider 'summit'"],
    "unknown_status": ["model[0].status (ember): must be one of active, shadow, draining, deprecated, got 'retired'"],
    "unknown_table": ["modle: unknown; did you mean model?"],
}


def complaints_of(path: Path) -> list[str]:
    with pytest.raises(CatalogueFault) as refused:
        read_catalogue(path)
    return list(refused.value.complaints)


def complaints_or_none(data: bytes) -> tuple[str, ...]:
    """Anything but a catalogue and complaints escapes, and fails the test."""
    try:
        parse_catalogue(data, "catalog.toml")
    except CatalogueFault as refused:
        return refused.complaints
    return ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_file_is_told_with_its_place(mistake: str) -> None:
    told = [f"{mistake}.toml{'' if c.startswith(':') else ': '}{c}" for c in MISTAKES[mistake]]

    assert complaints_of(FIXTURES / f"{mistake}.toml") == told


def test_every_file_with_a_mistake_is_tried() -> None:
    good = {"good_smallest", "good_everything"}

    assert {path.stem for path in FIXTURES.glob("*.toml")} == good | set(MISTAKES)


def test_a_missing_file_is_a_complaint_without_its_folder(tmp_path: Path) -> None:
    assert complaints_of(tmp_path / "nowhere.toml") == ["nowhere.toml: cannot be read: No such file or directory"]


def test_a_folder_in_place_of_the_file_is_a_complaint(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").mkdir()

    assert complaints_of(tmp_path / "catalog.toml") == ["catalog.toml: not a regular file"]


def test_a_pipe_in_place_of_the_file_is_a_complaint_and_no_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "catalog.toml")

    assert complaints_of(tmp_path / "catalog.toml") == ["catalog.toml: not a regular file"]


def test_a_file_beyond_any_catalogue_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)

    assert complaints_of(path) == ["catalog.toml: larger than 16,777,216 bytes"]


@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_catalogue_or_in_complaints(data: bytes) -> None:
    assert all(complaint.startswith("catalog.toml:") for complaint in complaints_or_none(data))


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_catalogue_with_one_byte_changed_ends_in_a_catalogue_or_in_complaints(position: int, byte: int) -> None:
    data = GOOD[:position] + bytes([byte]) + GOOD[position + 1 :]

    assert all(complaint.startswith("catalog.toml:") for complaint in complaints_or_none(data))


@given(st.integers(0, len(GOOD)))
def test_a_catalogue_cut_anywhere_ends_in_a_catalogue_or_in_complaints(length: int) -> None:
    assert all(complaint.startswith("catalog.toml:") for complaint in complaints_or_none(GOOD[:length]))
