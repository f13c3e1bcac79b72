"""How much a command says, and in which form: one choice for the whole command line."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Voice:
    """`quiet`: failures alone. `progress`: whether a bar may be shown. `in_json`: failures are JSON."""

    quiet: bool = False
    progress: bool = True
    in_json: bool = False

    def begin(self, words: Sequence[str]) -> None:
        """Before the command line is understood: also a failure to understand it is JSON if JSON is asked."""
        words = list(words)
        end = words.index("--") if "--" in words else len(words)
        self.quiet, self.progress, self.in_json = False, True, "--json" in words[:end]


VOICE = Voice()
"""Of this process: a process runs one command."""
