"""kill -9 at every durable change of every operation: nothing acknowledged is lost, nothing is half."""

from itertools import count
from pathlib import Path

import httpx2
import pytest

from tests.e2e.crash.calls import Answer, attempt
from tests.e2e.crash.fatal import Tracer, dying
from tests.e2e.crash.shelf import check_disk, check_files, sweep
from tests.e2e.crash.stories import AddPart, Cancel, Complete, Delete, PostFile, Story
from tests.e2e.wire import eventually, good, speaking
from tests.serving import Served, serving

ENV = {
    "HEAVYLIFT_DELETE_GRACE": "0",
    "HEAVYLIFT_SWEEP_INTERVAL": "0.5",  # and with it the lease that the dead one held
}
"""Deleted bytes go at once, so that their reclaiming is within the story."""

pytestmark = pytest.mark.timeout(600)
"""Every point takes two starts of a process: a machine busy with other things needs longer than usual."""

MOST = 60
"""Points of one operation: a bound for a test gone wild."""

LEAST = 6
"""Any operation writes to the log of the catalog, syncs it and answers; most do more."""


@pytest.mark.parametrize("kind", [AddPart, PostFile, Complete, Cancel, Delete])
def test_whatever_the_moment_of_its_death_the_service_keeps_what_it_acknowledged_and_nothing_half(
    tmp_path: Path, kind: type[Story]
) -> None:
    kept: dict[str, bytes] = {}
    victims: list[str] = []
    before: tuple[Story, Answer] | None = None
    for at in count(1):
        assert at <= MOST
        with serving(tmp_path, env=ENV) as served, speaking(served.url, served.key) as api:
            if before:
                kept |= before[0].check(api, before[1])
                check_files(api, kept)
            story = kind()
            story.prepare(api)
            with dying(served.pid, tmp_path, at=at) as tracer:
                answer = act(story, served, api, tracer)
            if tracer.victim is None:
                assert answer is not None
                good(answer)
                kept |= story.check(api, answer)
                check_files(api, kept)
                break
            victims.append(tracer.victim)
            before = story, answer
    print(f"{kind.__name__} died at: {', '.join(victims)}")
    assert len(victims) >= LEAST
    sweep(tmp_path)
    check_disk(tmp_path)


def act(story: Story, served: Served, api: httpx2.Client, tracer: Tracer) -> Answer:
    """Let the operation happen, and what the service does in its wake, until that is over or it is dead."""
    logged = len(served.lines)
    answer = attempt(lambda: story.act(api))
    if answer is None or story.sweeps:
        eventually(
            lambda: tracer.over or any('"sweep"' in line for line in served.lines[logged:]), seconds=60
        )
    return answer
