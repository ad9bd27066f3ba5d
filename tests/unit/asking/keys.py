"""Keys of providers as a test gives them."""

from __future__ import annotations

from atp_grpc.secrets.contract import ProviderKey, SecretsError


class Keys:
    """Keys by reference; what is not there cannot be had."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def key(self, reference: str) -> ProviderKey:
        if reference not in self.known:
            raise SecretsError("not there")
        return ProviderKey(self.known[reference])
