"""Pools of threads that all run before the first call: once a machine is short of threads, none is needed."""

import threading
from concurrent.futures import ThreadPoolExecutor

from heavylift.service.ports import StorageDown


def started_pool(count: int, *, name: str) -> ThreadPoolExecutor:
    """A pool of so many threads, all of them running. Raises StorageDown if they cannot be started.

    A pool that starts its threads when it needs them queues a call, fails to start one, and says so, and
    then another thread makes that call behind the back of whoever was told that it failed.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    together = threading.Barrier(count)  # a thread that waits here is not idle, so each call starts another
    try:
        for _ in range(count):
            pool.submit(together.wait)
    except RuntimeError as error:
        together.abort()
        pool.shutdown()
        raise StorageDown(f"The threads {name} cannot be started: {error}.") from error
    return pool
