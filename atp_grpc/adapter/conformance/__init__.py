"""The promise of a provider as checks that anyone can run, on a provider of ATP or on an adapter of their own.

`atp adapter check` and the conformance suite enter here. A check is a plain async function that says what is wrong, or
nothing; it needs no test framework. The checks make a few dozen small calls, and free calls beside them.
"""

from atp_grpc.adapter.conformance.running import Finding, Outcome, examine
from atp_grpc.adapter.conformance.subject import NotApplicable, Subject

__all__ = ["Finding", "NotApplicable", "Outcome", "Subject", "examine"]
