"""The transactions that make a repeated request one: a key is taken in the transaction of what it makes."""

from heavylift.catalog.transactions import Transaction, ask
from heavylift.domain.errors import IdempotencyKeyReused
from heavylift.domain.idempotency import KEPT_SECONDS, Once
from heavylift.service.upkeep import Reclaimed


def take(project: str, once: Once, made: str) -> Transaction[str | None]:
    """Take the key for what is about to be made: None. If the same request took it, what it made."""
    taken = yield ask(
        "take_idempotency_key",
        project=project,
        key=once.key,
        fingerprint=once.fingerprint,
        made=made,
        now=once.now,
        forgotten=once.now - KEPT_SECONDS,
    )
    if taken:
        return None
    rows = yield ask("find_idempotency_key", project=project, key=once.key)
    if not rows or rows[0]["fingerprint"] != once.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used for another request within the last day."
            " Send a new key with a new request.",
            param="Idempotency-Key",
        )
    found: str = rows[0]["made"]
    return found


def gone(made: str) -> IdempotencyKeyReused:
    """The refusal of a repetition whose result is no longer there: it is not made a second time."""
    return IdempotencyKeyReused(
        f"This request was done before, and what it made, {made}, was deleted since."
        " Send a new Idempotency-Key to make it again.",
        param="Idempotency-Key",
    )


def forget(before: float, limit: int) -> Transaction[Reclaimed]:
    rows = yield ask("forget_idempotency_keys", before=before, limit=limit)
    return Reclaimed(rows=len(rows))
