"""The selection engine in numpy: the definition of correct for every other engine.

Entered through `ReferenceEngine`, by the composition root and by the tests. It is written to be checked against
`docs/selection.md` line by line; it never trades that for speed and never holds state outside the engine object.
"""

from atp_grpc.engine.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
