"""Why a process did not start, in sentences for whoever started it.

Only failures that a person can mend are listed; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

from pathlib import Path

from atp_grpc.app.engines import EngineMissingError
from atp_grpc.app.keys import CredentialsMissingError
from atp_grpc.app.policy import PolicyFault
from atp_grpc.catalog.loader import CatalogueFault
from atp_grpc.engine.contract import CorruptCheckpointError, DamagedTextTableError
from atp_grpc.engine.self_test import EngineSelfTestError
from atp_grpc.secrets.contract import SecretsError
from atp_grpc.store.contract import StoreFailure
from atp_grpc.tenancy.principals import KeysError
from atp_grpc.transport.listening import ListenError, SocketFileError
from atp_grpc.transport.tls import UnusablePairError

START_FAILURES = (
    CatalogueFault,
    CorruptCheckpointError,
    CredentialsMissingError,
    DamagedTextTableError,
    EngineMissingError,
    EngineSelfTestError,
    KeysError,
    ListenError,
    PolicyFault,
    SecretsError,
    SocketFileError,
    StoreFailure,
    UnusablePairError,
)


def explain(failure: BaseException, *, data_dir: Path) -> list[str]:
    """One line a complaint; `data_dir` is where the store that failed would be."""
    if isinstance(failure, KeysError | CatalogueFault | PolicyFault):
        what = {KeysError: "keys", CatalogueFault: "catalogue", PolicyFault: "policy"}[type(failure)]
        return [f"atp: {what}: {complaint}" for complaint in failure.complaints]
    if isinstance(failure, CorruptCheckpointError):
        remedy = "start once with --set learning.discard_damaged_checkpoint=true to learn anew from the observations"
        return [f"atp: the stored learner checkpoint is damaged: {failure}; {remedy}"]
    if isinstance(failure, UnusablePairError):
        return [f"atp: tls: {failure}"]
    if isinstance(failure, StoreFailure):
        return [f"atp: the store {data_dir / 'atp.db'} cannot be used: {failure}"]
    return [f"atp: {failure}"]
