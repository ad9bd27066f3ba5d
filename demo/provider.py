"""The provider of the third act: a stand-in that is really called over HTTP, and fails by script.

`__main__` opens it, and puts it into the catalogue and the settings of the server; the act gives it its scripts. It
speaks OpenAI's dialect and wants a key. It counts tokens of its own, and writes down what it sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from atp_grpc.mock_provider import Fault, Script

KEYS_OF_EACH: Final = 3
"""Keys of each provider of the catalogue: when one has been refused for too many calls, another serves."""
FIRST_TOKEN_SECONDS: Final = 5.0
STALL_SECONDS: Final = 1.5
"""How long an answer may stand still before the server ends it."""
STALLS: Final = 4
BROKEN_AFTER_TOKENS: Final = 12
STORY: Final = " the red fox ran out and sat one day and saw the sun and the sea" * 2
"""What is answered in the burst. Each of its tokens is four bytes long, which is what the server takes a token for as
long as nobody has told it better: so what it counts of a broken answer is what the stand-in has sent of it."""

_PROVIDER: Final = re.compile(r'^\[\[provider\]\]\nname = "(?P<name>[^"]*)"\n', re.MULTILINE)
_DRY: Final = 'dialect = "dry_run"\n'


class Endpoints:
    """The providers of a catalogue, all of them reached at the stand-in, each with keys of its own."""

    def __init__(self, catalogue: str) -> None:
        """`catalogue` is TOML in which each provider's name follows its heading, as the demo's are written."""
        self._catalogue = catalogue.replace(_DRY, "")
        self._names: Sequence[str] = _PROVIDER.findall(self._catalogue)

    @property
    def providers(self) -> Mapping[str, str]:
        """The provider that each key belongs to."""
        return {f"{name}-key-{number}": name for name in self._names for number in range(1, KEYS_OF_EACH + 1)}

    def settings(self, address: str) -> dict[str, str]:
        """What the server is told beside the catalogue: the keys, and that this one address may be private."""
        keys = {_variable(key): key for key in self.providers}
        return keys | {"ATP_ASK_PRIVATE_TARGETS": json.dumps([address.removeprefix("http://")])}

    def catalogue(self, base_url: str) -> str:
        """The catalogue with an endpoint for every provider."""
        return _PROVIDER.sub(lambda found: found.group() + self._endpoint(found["name"], base_url), self._catalogue)

    def _endpoint(self, name: str, base_url: str) -> str:
        keys = ", ".join(f'"env:{_variable(key)}"' for key, owner in self.providers.items() if owner == name)
        return (
            f'dialect = "openai"\nbase_url = "{base_url}"\nkeys = [{keys}]\n'
            f"timeouts = {{ first_token_seconds = {FIRST_TOKEN_SECONDS}, between_chunks_seconds = {STALL_SECONDS} }}\n"
        )


def trouble() -> list[Script]:
    """What goes wrong in the burst: a few answers stall, a tenth break off, some calls are refused or fail."""
    return [
        Script(fault=Fault.STALL, after_tokens=BROKEN_AFTER_TOKENS, text=STORY, calls=STALLS),
        Script(fault=Fault.CUT, after_tokens=BROKEN_AFTER_TOKENS, text=STORY, share=0.10, draw_seed=1),
        Script(fault=Fault.RATE_LIMITED, retry_after_seconds=0.02, share=0.03, draw_seed=2),
        Script(fault=Fault.SERVER_ERROR, share=0.06, draw_seed=3),
        Script(text=STORY),
    ]


def _variable(key: str) -> str:
    return "DEMO_" + re.sub(r"\W", "_", key).upper()
