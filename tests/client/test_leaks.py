"""A seeded share of the ten thousand calls: nothing is left open, whatever the server does."""

from tests.client.leaks import POOLED, leaked


def test_calls_that_go_wrong_leave_nothing_open() -> None:
    left = leaked(60, seed=5)
    assert left.descriptors <= 0
    assert left.threads <= 0
    assert left.pooled <= POOLED
    assert left.failed > 30, "the server behaved too well to show anything"
