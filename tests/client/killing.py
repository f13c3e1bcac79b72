"""Kill a transfer before each operation on files that it does, then make the same call again.

`python -m tests.client.killing URL FOLDER STORY`: prints a line of JSON for every moment, until one
run is through. Each has a folder of its own in FOLDER, named by its number.
"""

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from heavylift import Heavylift
from heavylift.cli import profiles
from heavylift.client.profiles import Profile

EVENTS: Final = frozenset({"open", "os.link", "os.rename", "os.remove", "os.truncate", "os.mkdir"})

CONTENT: Final = bytes(range(251)) * 200
"""What is uploaded, and what the server has as file-1."""


def client(url: str, box: Path) -> Heavylift:
    return Heavylift(server_url=url, api_key="k", state_folder=box / "state")


def download(url: str, box: Path) -> None:
    with client(url, box) as one:
        one.files.save_file(file_id="file-1", to=box / "here.bin", range_size=10_000, overwrite=False)


def download_at_once(url: str, box: Path) -> None:
    with client(url, box) as one:
        one.files.save_file(file_id="file-1", to=box / "here.bin", overwrite=False)


def download_many(url: str, box: Path) -> None:
    with client(url, box) as one:
        results = one.files.download_files(["file-1"], to=box)
    assert [result.error for result in results] == [None]


def replace(url: str, box: Path) -> None:
    (box / "here.bin").touch()
    with client(url, box) as one:
        one.files.save_file(file_id="file-1", to=box / "here.bin", range_size=10_000)


def upload(url: str, box: Path) -> None:
    path = box / f"{box.name}.bin"
    if not path.exists():
        path.write_bytes(CONTENT)
    with client(url, box) as one:
        one.uploads.upload_file(file=path, purpose="batch", part_size=20_000)


def login(url: str, box: Path) -> None:
    os.environ["XDG_CONFIG_HOME"] = str(box / "config")
    profiles.keep("default", Profile(base_url=url, api_key="k"))


STORIES: Final[dict[str, Callable[[str, Path], None]]] = {
    "download": download,
    "download_at_once": download_at_once,
    "download_many": download_many,
    "replace": replace,
    "upload": upload,
    "login": login,
}


def killed_before(number: int, box: Path) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that ends the process before the operation of that number on what lies in the box."""
    left = number

    def look(event: str, given: tuple[Any, ...]) -> None:
        nonlocal left
        if event in EVENTS and str(box) in str(given[0]):
            left -= 1
            if left == 0:
                print(json.dumps({"before": event, "of": str(given[0])}), flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

    return look


def ended(run: Callable[[], None]) -> int:
    """The exit code of a child that does it; negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            run()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def moments(url: str, folder: Path, story: Callable[[str, Path], None]) -> Iterator[tuple[Path, int]]:
    """For each moment its box, and how the second run ended."""
    number = 0
    while True:
        number += 1
        box = folder / str(number)
        box.mkdir()

        def interrupted(number: int = number, box: Path = box) -> None:
            if story is upload:
                (box / f"{box.name}.bin").write_bytes(CONTENT)
            sys.addaudithook(killed_before(number, box))
            story(url, box)

        first = ended(interrupted)
        if first != -signal.SIGKILL:
            shutil.rmtree(box)
            raise SystemExit(first)
        yield box, ended(lambda box=box: story(url, box))  # type: ignore[misc]


def main() -> None:
    url, folder, story = sys.argv[1:]
    for box, code in moments(url, Path(folder), STORIES[story]):
        print(json.dumps({"box": box.name, "again": code}), flush=True)


if __name__ == "__main__":
    main()
