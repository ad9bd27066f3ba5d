"""From a key to the metadata that carries it.

The client enters here once, when it is opened. It never looks inside a key and never shows one.
"""

from __future__ import annotations


class MalformedCredentialError(ValueError):
    """A key that no metadata can carry: gRPC would refuse it in the middle of a call."""

    def __init__(self) -> None:
        super().__init__("the key holds a sign that no key has; keys are letters, digits and underscores")


def authorization(credential: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a call made with a key; none for an empty key.

    Raises:
        MalformedCredentialError: The key is not printable ASCII without spaces.
    """
    if not all("!" <= sign <= "~" for sign in credential):
        raise MalformedCredentialError
    return (("authorization", f"Bearer {credential}"),) if credential else ()
