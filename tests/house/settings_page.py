"""docs/settings.md, written from `heavylift.settings.Settings`: every knob and its meaning."""

import inspect
import json
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from heavylift.domain.limits import DAY, GIB, HOUR, KIB, MIB
from heavylift.environment import CONFIG_VARIABLE, PREFIX
from heavylift.settings import Settings

HEAD = f"""# Settings

<!-- Generated from `heavylift.settings` by `make docs`. Edit the descriptions there. -->

Every setting has a default. The service starts without any.

A setting can be given in three places. The first one that names it wins.

1. The command line, for the few that `heavylift serve` has options for.
2. An environment variable: the name in capitals behind `{PREFIX}`.
3. A TOML file: the name as in the second column. `{CONFIG_VARIABLE}` or `--config` says where the file is.

Sizes are bytes, or have a unit: `512K`, `16M`, `64MiB`, `1G`, of 1,024 bytes and so on, or `16MB`, of
1,000,000. Times are seconds, or have a unit: `90s`, `15m`, `2h`, `7d`, `2w`. A list in a variable is parted
by commas, or JSON; a table is JSON. `~` at the beginning of a path is the home folder. What is set but
empty, or to spaces, counts as not set.

An unknown name in the TOML file is refused at the start, and so is a value that cannot be; the line names
both, and what is expected. An unknown variable is only warned of. `heavylift settings` prints what is in
force and where each value came from, without a secret.

Kubernetes sets `HEAVYLIFT_PORT=tcp://...` in every container beside a Service that is called `heavylift`.
That is ignored, with a line that says so.
"""

TAIL = """
## The same in a file

```toml
# heavylift.toml
data = "/var/lib/heavylift"
port = 8321
cors_origins = ["https://upload.example.com"]
upload_seconds = "2h"
max_part_bytes = "16MiB"

[purposes.archive]
extensions = ["zip", "tar"]
post_bytes = "100M"
lifetime = "7d"
```

`purposes` adds to the table of purposes. A name that is there already gets more extensions and MIME types.
A new name makes a new purpose. `post_bytes` bounds one `POST /v1/files`; `lifetime` is how long its Files
live when the client says nothing. Empty lists of extensions and MIME types accept anything.

## Rules between settings

- `auth = "off"` is only accepted while `host` is a loopback address.
- `tls_cert` and `tls_key` go together.
- `orphan_grace` must be longer than `body_timeout` and `idle_timeout`, or a Part that is still
  arriving could be reclaimed.
- `max_held_bytes` must be at least `max_upload_bytes`.
- `blobs = "memory:"` goes with one worker and a catalog of this machine.
- A catalog in memory, `sqlite://`, goes with no other blobs than these.
"""

SECTION = re.compile(r"^    # (?P<section>.+)$|^    (?P<name>[a-z_]+): ", re.MULTILINE)
UNITS = ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"))
SPANS = ((DAY, "d"), (HOUR, "h"))


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_section(title, names) for title, names in sections()) + TAIL


def sections() -> Iterator[tuple[str, list[str]]]:
    """The settings under the comments that part them in the source."""
    title, names = "", list[str]()
    for match in SECTION.finditer(inspect.getsource(Settings)):
        if match["section"]:
            if names:
                yield title, names
            title, names = match["section"], []
        elif match["name"] in Settings.model_fields:
            names.append(match["name"])
    yield title, names


COLUMNS = "| variable | TOML | default | meaning |\n| --- | --- | --- | --- |\n"


def _section(title: str, names: list[str]) -> str:
    return f"\n## {title.capitalize()}\n\n{COLUMNS}" + "".join(_row(name) for name in names)


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `{PREFIX}{name.upper()}` | `{name}` | {_default(name, field.default)} | {meaning} |\n"


def _default(name: str, value: Any) -> str:
    """As one would write it, with a reading aid for large numbers."""
    if value is None:
        return ""
    if isinstance(value, Enum | Path):
        value = str(value)
    text = f"`{value if isinstance(value, str) else json.dumps(value)}`"
    return f"{text}{_aid(name, value)}"


def _aid(name: str, value: Any) -> str:
    if isinstance(value, bool | str | list | dict):
        return ""
    for size, unit in UNITS if name.endswith(("bytes", "reserve")) else SPANS:
        if value >= size and value % size == 0 and name not in ("max_parts", "port"):
            return f" ({value / size:g} {unit})"
    return ""
