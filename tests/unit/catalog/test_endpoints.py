"""Where endpoints come from: the provider's word, the deployment's own, and the judge of addresses."""

from __future__ import annotations

import pytest

from atp_grpc.catalog.loader import Catalogue, CatalogueFault, parse_catalogue
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.providers.http.egress import EgressRule
from tests.unit.catalog.desk import FIRST

SMALLEST = FIRST.decode()
PROVIDER, DEPLOYMENT = 'name = "harbor"\n', 'provider = "harbor"\n'
SECRET = "sk-live-0123456789"


def catalogue_of(of_provider: str = "", of_deployment: str = "", *, private: tuple[str, ...] = ()) -> Catalogue:
    text = SMALLEST.replace(PROVIDER, PROVIDER + of_provider).replace(DEPLOYMENT, DEPLOYMENT + of_deployment)
    return parse_catalogue(text.encode(), "catalog.toml", EgressRule(private).refusal)


def endpoint_of(of_provider: str = "", of_deployment: str = "", *, private: tuple[str, ...] = ()) -> Endpoint | None:
    return catalogue_of(of_provider, of_deployment, private=private).deployments[0].endpoint


def complaints_of(of_provider: str = "", of_deployment: str = "") -> str:
    with pytest.raises(CatalogueFault) as refused:
        catalogue_of(of_provider, of_deployment)
    return str(refused.value)


def test_a_deployment_of_which_nothing_is_said_cannot_be_called() -> None:
    assert endpoint_of() is None


def test_a_deployment_has_the_endpoint_of_its_provider_under_the_name_of_its_model() -> None:
    said = 'dialect = "anthropic"\nbase_url = "https://api.example.com"\nkeys = ["env:KEY"]\n'

    assert endpoint_of(said) == Endpoint(Dialect.ANTHROPIC, "https://api.example.com", "ember", ("env:KEY",))


def test_a_deployment_may_speak_another_language_than_its_provider() -> None:
    said = 'dialect = "anthropic"\nbase_url = "https://api.example.com"\nkeys = ["env:KEY"]\n'

    assert endpoint_of(said, 'dialect = "dry_run"\n') == Endpoint(Dialect.DRY_RUN, model="ember")
    remote = endpoint_of(said, 'dialect = "remote"\nbase_url = "adapter.example.com:7400"\nkeys = []\n')
    assert remote == Endpoint(Dialect.REMOTE, "adapter.example.com:7400", "ember")


def test_a_deployment_alone_can_have_an_endpoint() -> None:
    assert endpoint_of("", 'dialect = "litellm"\nupstream_model = "bedrock/x"\n') == Endpoint(
        Dialect.LITELLM, model="bedrock/x"
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://api.example.com/v1",
        "https://127.0.0.1/v1",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/v1",
        "https://localhost/v1",
        f"https://user:{SECRET}@api.example.com/v1",
        f"https://api.example.com/v1#{SECRET}",
        f"https://api.example.com/v1?key={SECRET}",
        "ftp://api.example.com/v1",
    ],
)
def test_an_address_that_may_not_be_called_is_a_complaint_that_does_not_quote_it(address: str) -> None:
    told = complaints_of(f'dialect = "openai"\nbase_url = "{address}"\n')

    assert told.startswith("catalog.toml: provider[0].base_url (harbor): ")
    assert address not in told
    assert SECRET not in told
    assert "deployment[0].base_url (ember@harbor): " in complaints_of(
        "", f'dialect = "openai"\nbase_url = "{address}"\n'
    )


def test_a_private_target_may_be_called_when_the_operator_has_named_it() -> None:
    said = 'dialect = "openai"\nbase_url = "http://127.0.0.1:8080/v1"\n'

    assert "private" in complaints_of(said)
    endpoint = endpoint_of(said, private=("127.0.0.1:8080",))
    assert endpoint is not None
    assert endpoint.base_url == "http://127.0.0.1:8080/v1"


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "litellm"])
@pytest.mark.parametrize(
    "address", ["api.example.com/v1", "api.example.com:443", "//api.example.com", "ftp://a.example"]
)
def test_an_address_without_its_scheme_is_refused_when_the_file_is_read(dialect: str, address: str) -> None:
    told = complaints_of(f'dialect = "{dialect}"\nbase_url = "{address}"\n')

    assert told.startswith("catalog.toml: provider[0].base_url (harbor): must begin with https:// or http://")
    assert address not in told


def test_an_adapter_is_judged_like_any_other_address() -> None:
    said = 'dialect = "remote"\nbase_url = "10.0.0.7:7400"\n'

    assert "not public" in complaints_of(said)
    assert endpoint_of(said, private=("10.0.0.7:7400",)) is not None


def test_an_address_that_comes_from_the_deployment_is_judged_in_the_language_of_its_provider() -> None:
    assert "must be host:port" in complaints_of('dialect = "remote"\n', 'base_url = "https://api.example.com"\n')


def test_an_address_of_the_provider_is_judged_anew_where_a_deployment_speaks_another_language() -> None:
    said = 'dialect = "openai"\nbase_url = "https://api.example.com/v1"\n'

    assert "deployment[0].base_url (ember@harbor): must be host:port" in complaints_of(said, 'dialect = "remote"\n')


@pytest.mark.parametrize(
    "said", [f'keys = ["{SECRET}"]', f'headers = {{ X-Api-Key = "{SECRET}" }}', f'query = {{ token = "{SECRET}" }}']
)
def test_a_secret_in_the_file_is_refused_without_being_shown(said: str) -> None:
    told = complaints_of(f'dialect = "openai"\nbase_url = "https://api.example.com"\n{said}\n')

    assert "catalog.toml: provider[0]." in told
    assert SECRET not in told
