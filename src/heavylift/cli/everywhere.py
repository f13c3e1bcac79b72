"""Options that stand before or after any command, and help in one style for every parameter."""

import logging
from typing import TYPE_CHECKING, Any, Final

import typer

from heavylift.cli.exits import USAGE, fail
from heavylift.cli.voice import VOICE

if TYPE_CHECKING:
    from heavylift.cli.connection import Options

PANEL: Final = "Options before or after any command"
LOCAL: Final = frozenset(
    {"check", "serve", "sweep", "migrate", "migrate-data", "settings", "keys", "projects"}
)
"""Commands that ask no server."""
OF_SERVERS: Final = ("base_url", "api_key", "profile", "ca_cert", "timeout")
OF_SPEECH: Final = frozenset({"quiet", "verbose", "no_progress"})
RANGE: Final = "_get_number_range_help_str"
"""What writes a range in the language's own way, [1<=x<=64], behind a value in help."""
CHATTY: Final = ("httpx2", "heavylift")
"""Loggers that --verbose lets speak."""


def command(app: typer.Typer) -> Any:
    """The command line of `app`. Options of the root that are in PANEL are options of each command, too."""
    root: Any = typer.main.get_command(app)
    shared = [one for one in root.params if one.rich_help_panel == PANEL]
    _dress(root)
    for name, one in root.commands.items():
        _share(one, [option for option in shared if name not in LOCAL or option.name in OF_SPEECH])
    return root


def _share(one: Any, shared: list[Any]) -> None:
    for inside in getattr(one, "commands", {}).values():
        _share(inside, shared)
    own = {name for option in one.params for name in option.opts}
    one.params.extend(_behind(option) for option in shared if not own & set(option.opts))
    _dress(one)


def _behind(option: Any) -> Any:
    """The same option behind the command: what is said there counts."""
    from copy import copy

    twin = copy(option)
    twin.expose_value = False
    twin.callback = _take
    return twin


def _take(context: Any, option: Any, value: Any) -> Any:
    """Remember what was said."""
    if value is None or value is False:
        return value
    if option.name in OF_SPEECH:
        speak(**{option.name: value})
    else:
        setattr(said_so_far(context), option.name, value)
    return value


def said_so_far(context: Any) -> "Options":
    """The options for server and key. While words are completed, nothing has run that keeps them."""
    from heavylift.cli.connection import Options

    root = context.find_root()
    if root.obj is None:
        root.obj = Options(**{name: root.params.get(name) for name in OF_SERVERS})
    options = root.obj
    assert isinstance(options, Options), "the root command sets it"
    return options


def speak(*, quiet: bool = False, verbose: bool = False, no_progress: bool = False) -> None:
    """Say less or more from here on."""
    VOICE.quiet |= quiet
    VOICE.progress &= not (quiet or no_progress)
    if verbose:
        from heavylift.cli.connection import Lines

        for name in CHATTY:
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [Lines()], False
            logger.setLevel(logging.DEBUG if name == "heavylift" else logging.INFO)


def _dress(one: Any) -> None:
    made = one.get_help_option

    def help_option(context: Any) -> Any:
        option = made(context)
        if option is not None:
            option.display_type_rich = _always(None)
        return option

    one.get_help_option = help_option
    for parameter in one.params:
        if parameter.param_type_name == "argument":
            shown = parameter.metavar or parameter.name.upper()
            parameter.get_usage_pieces = _always([shown if parameter.required else f"[{shown}]"])
            parameter.display_type_rich = _always(None)
        else:
            parameter.display_type_rich = _always(value_of(parameter))
        setattr(parameter, RANGE, _always(None))


def value_of(option: Any) -> str | None:
    """What stands for an option's value in help; None for one that has none."""
    if option.is_flag or option.count:
        return None
    kind = option.type_descriptor
    if kind.is_choice and not option.metavar:
        return "|".join(str(choice) for choice in kind.choices)
    least, most = getattr(option, "min", None), getattr(option, "max", None)
    if least is not None and most is not None:
        return f"{least}-{most}"
    return str(option.metavar or option.name.upper())


def _always(value: Any) -> Any:
    return lambda *_args, **_named: value


PLAINLY: Final = (
    (r"Input should be a valid integer.*", "a whole number is expected"),
    (r"Input should be a valid number.*", "a number is expected"),
    (r"Input should be greater than or equal to", "it must be at least"),
    (r"Input should be less than or equal to", "it must be at most"),
    (r"Input should be", "it must be"),
)
"""What the library beneath says about a value, and how people say it."""


def plain(said: str) -> str:
    """The same without the library's way to speak."""
    import re

    for theirs, ours in PLAINLY:
        said = re.sub(theirs, ours, said)
    return said


def misused(error: Any) -> None:
    """Out, with a line like all others, after words that make no command. Help that was asked for is help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return
    path = error.ctx.command_path if error.ctx is not None else "heavylift"
    said = plain(" ".join(error.format_message().split()))
    said = said if said.endswith((".", "?", "!")) else f"{said}."
    fail(f"{said} `{path} --help` explains it.", status=USAGE)
