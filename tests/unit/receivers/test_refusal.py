"""How an error of the pipeline becomes an answer."""

from __future__ import annotations

import pytest

from ananta.errors import DeliveryError, PermanentError, RetryableError
from ananta.receivers.refusal import Refusal, refusal


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RetryableError("queue is full"), Refusal(14, "queue is full")),
        (RetryableError("soon", retry_after_seconds=3), Refusal(14, "soon", 3)),
        (RetryableError("busy", grpc_status=8), Refusal(8, "busy")),
        (
            RetryableError("busy", grpc_status=8, retry_after_seconds=0.5),
            Refusal(8, "busy", 0.5),
        ),
        (PermanentError("no such tenant"), Refusal(13, "Permanent error: no such tenant")),
        (PermanentError("denied", grpc_status=7), Refusal(7, "denied")),
    ],
)
def test_an_error_becomes_an_answer(error: DeliveryError, expected: Refusal) -> None:
    assert refusal(error) == expected
