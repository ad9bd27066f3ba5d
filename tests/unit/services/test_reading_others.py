"""Who may look at whose decisions."""

from __future__ import annotations

import pytest

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import PermissionDeniedError
from atp_grpc.domain.tenant import EVERYBODY, Permission, Principal
from atp_grpc.services.decision import check_may_read


def call(tenant: str, *permissions: Permission) -> Call:
    return Call("m", Principal(tenant, "key", frozenset({Permission.READ_DECISIONS, *permissions})), 1e9, "trace")


@pytest.mark.parametrize(("asked", "tenant"), [("globex", "acme"), (EVERYBODY, "acme"), (EVERYBODY, EVERYBODY)])
def test_only_an_operator_looks_at_others_and_at_everybody_whatever_its_own_name_is(asked: str, tenant: str) -> None:
    check_may_read(asked, call(tenant, Permission.OPERATE))
    with pytest.raises(PermissionDeniedError):
        check_may_read(asked, call(tenant))


def test_everybody_looks_at_its_own() -> None:
    check_may_read("acme", call("acme"))
