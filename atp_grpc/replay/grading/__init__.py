"""What choices on recorded outcomes were worth: metrics with one meaning, and pictures of them."""

from atp_grpc.replay.grading.misfit import Misfit, MisfitKind
from atp_grpc.replay.grading.scores import Score, score
from atp_grpc.replay.grading.table import OutcomeTable

__all__ = ["Misfit", "MisfitKind", "OutcomeTable", "Score", "score"]
