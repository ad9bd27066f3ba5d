"""One answer as a person sees it: the question, who was asked, the text as it comes, and what it cost.

The third act feeds it the events of a stream; the screen shows what it renders, again and again or once. What was
dropped stays legible, crossed out.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from atp_grpc.cli import wording
from atp_grpc.cli.ask import bill_of
from atp_grpc.cli.quantities import usd
from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import AskStreamResponse, AttemptError, Switch, Target


class ShownAnswer:
    """A question and what came of it so far."""

    def __init__(self, question: str) -> None:
        self._question = Text.assemble(("❯ ", "bold cyan"), (question, "bold"))  # noqa: RUF001 - a prompt's sign
        self._above: list[Text] = []
        """What stands above the text that is coming."""
        self._text = Text()
        self._below: list[Text] = []

    def take(self, event: AskStreamResponse) -> None:
        """Takes the next event in."""
        match event.WhichOneof("event"):
            case "decision":
                self._above.append(Text(_who(event.decision.target), style="dim"))
            case "delta":
                self._text.append(event.delta.text)
            case "switch":
                self._switched(event.switch)
            case "final":
                self._below.append(Text.assemble(("✓ ", "green"), (bill_of(event.final), "dim")))

    def broke_off(self, error: AtpCallError) -> None:
        """Takes in that there is no more."""
        told = error.metadata
        self._text.stylize("dim strike")
        self._below.append(
            Text.assemble(
                (f"✗ {error.reason}: ", "bold red"),
                f"{told['model']} broke off ({told['error'].lower()}) after {told['total_characters']} characters; "
                f"{told['input_tokens']} tokens in, {told['output_tokens']} out, "
                f"about {usd(int(told['cost_nano_usd']))} are billed all the same",
            )
        )

    def __rich__(self) -> RenderableType:
        """The answer as far as it came."""
        return Group("", self._question, Padding(Group(*self._above, self._text, *self._below), (0, 0, 0, 2)))

    def _switched(self, switch: Switch) -> None:
        if switch.restarts:
            self._text.stylize("dim strike")
            self._above.append(self._text)
            self._text = Text()
        error = wording.word(AttemptError, switch.error, "ATTEMPT_ERROR_")
        what = "begins anew, and what stands above is dropped" if switch.restarts else "goes on"
        self._above.append(
            Text.assemble(("⇄ ", "yellow"), f"{_who(switch.left)} broke off ({error}); {_who(switch.entered)} {what}")
        )


def _who(target: Target) -> str:
    return f"{target.model} at {wording.served_at(target)}"
