"""The documentation is complete: what the code has, a page explains; what a page links to, is there."""

import inspect
import re
from dataclasses import fields

import pytest
import typer
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import Route

from heavylift.api import files, health, identity, schemas, uploads
from heavylift.api.openapi import ALWAYS
from heavylift.cli.app import app
from heavylift.domain.limits import Limits
from heavylift.domain.purposes import PURPOSES
from heavylift.environment import CONFIG_VARIABLE, PREFIX
from heavylift.settings import Settings
from tests.house import errors_page
from tests.house.codes import raw_codes, refusals
from tests.house.project import DOCS, MODULES, ROOT, SOURCE, pages
from tests.house.reference import PAGES

OF_THE_SDK = {f"{PREFIX}{name}" for name in ("API_KEY", "BASE_URL", "CA_CERT", "DEBUG", "PROFILE")}
ROUTERS = ((health.router, ""), *((one.router, "/v1") for one in (uploads, files, identity)))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert page(name) == PAGES[name](), f"docs/{name} is out of date: run `make docs`"


def test_every_error_has_a_remedy_and_no_remedy_is_left_over() -> None:
    assert set(errors_page.REMEDIES) == {answer.name for answer in refusals()}
    assert set(errors_page.RAW) == {code for _, code in raw_codes()}


def endpoints() -> dict[str, Route]:
    """Every operation as a heading of the page names it."""
    return {
        f"{method} {prefix}{route.path}": route
        for router, prefix in ROUTERS
        for route in router.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }


def sections() -> dict[str, str]:
    """The text below each heading of an operation; a heading may name two."""
    _, *pieces = re.split(r"^## (.+)$", page("http.md"), flags=re.MULTILINE)
    return {
        name: text
        for heading, text in zip(pieces[::2], pieces[1::2], strict=True)
        for name in heading.replace("`", "").split(" · ")
        if re.match(r"[A-Z]+ /", name)
    }


def test_every_endpoint_has_a_section_and_every_section_an_endpoint() -> None:
    assert set(sections()) == set(endpoints())


def test_every_endpoint_lists_the_errors_that_it_declares() -> None:
    declared = {
        name: {int(status) for status in route.responses if int(status) >= 400} - set(ALWAYS)
        for name, route in endpoints().items()
        if isinstance(route, APIRoute) and route.include_in_schema and "/v1/" in name
    }
    declared = {name: errors for name, errors in declared.items() if errors}
    listed = {
        name: {int(status) for status in re.findall(r"\d+", line[1])}
        for name in declared
        if (line := re.search(r"^Errors: ([\d, ]+)\.$", sections()[name], re.MULTILINE))
    }
    assert listed == declared


def test_every_limit_and_every_extension_is_explained() -> None:
    text = page("http.md")
    limits = {field.name: getattr(Limits(), field.name) for field in fields(Limits)}
    numbers = {name: f"{value:,}" for name, value in limits.items() if not isinstance(value, bool)}
    assert {name for name, number in numbers.items() if number not in text} == set()
    extensions = {extension for purpose in PURPOSES.values() for extension in purpose.extensions}
    assert {name for name in {*PURPOSES, *extensions} if f"`{name}`" not in text} == set()


def test_every_variable_that_a_page_names_exists() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE} | OF_THE_SDK
    named = {name for text in pages().values() for name in re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", text)}
    assert named - known == set()


def test_every_field_of_the_wire_is_explained() -> None:
    models = [kind for _, kind in inspect.getmembers(schemas, inspect.isclass) if issubclass(kind, BaseModel)]
    names = {name for model in models for name in model.model_fields}
    assert names, "there are no models to look at"
    assert sorted(name for name in names if f"`{name}`" not in page("http.md")) == []


def test_every_header_of_the_answers_is_explained() -> None:
    named = re.findall(r'"([A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)+)"', inspect.getsource(files))
    assert named
    text = page("http.md").lower()
    assert sorted({header for header in named if f"`{header.lower()}" not in text}) == []


def command_options() -> list[str]:
    """Every command with each of its options, as one types them."""
    found, todo = list[str](), [(typer.main.get_command(app), "heavylift")]
    while todo:
        command, name = todo.pop()
        todo += [(sub, f"{name} {word}") for word, sub in getattr(command, "commands", {}).items()]
        if not hasattr(command, "commands"):
            found.append(name)
        options = {option for parameter in command.params for option in parameter.opts}
        found += [f"{name} {option}" for option in options if option.startswith("--")]
    return sorted(found)


def test_every_command_and_option_is_explained() -> None:
    text = "\n".join(pages().values())
    shell = {"--install-completion", "--show-completion", "--help"}
    commands = {entry for entry in command_options() if " --" not in entry}
    options = {entry.split()[-1] for entry in command_options() if " --" in entry} - shell
    assert sorted(command for command in commands if command not in text) == []
    assert sorted(option for option in options if not re.search(rf"{option}\b", text)) == []


def test_every_module_stands_on_the_architecture_page() -> None:
    text = page("architecture.md")
    missing = []
    for path in MODULES:
        inside = path.relative_to(SOURCE)
        if path.name != "__init__.py" and not re.search(rf"(?<![\w/]){re.escape(path.name)}\b", text):
            packages = [f"{parent.name}/" for parent in inside.parents if parent.name]
            if not any(f"{package}…" in text for package in packages):
                missing.append(inside.as_posix())
    assert missing == []


def test_every_module_that_the_architecture_page_names_exists() -> None:
    names = set(re.findall(r"(?<![\w/.*])([a-z_]+\.(?:py|sql))\b", page("architecture.md")))
    there = {path.name for path in SOURCE.rglob("*") if path.is_file()}
    assert names
    assert sorted(names - there) == []


@pytest.mark.parametrize("name", pages())
def test_every_link_leads_somewhere(name: str) -> None:
    broken = []
    for link in LINK.finditer(FENCED.sub("", pages()[name])):
        target, _, anchor = link["to"].partition("#")
        if "://" in target:
            continue
        path = (ROOT / name).parent / target if target else ROOT / name
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            broken.append(link["to"])
    assert broken == []


def anchors(text: str) -> set[str]:
    """What a heading is reached by."""
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(FENCED.sub("", text)))
    return {heading.replace(" ", "-") for heading in kept}


def test_every_event_of_the_log_is_explained() -> None:
    events = {
        match
        for path in MODULES
        if "client" not in path.parts and "cli" not in path.parts
        for match in re.findall(
            r"\blog\.(?:debug|info|warning|error|exception)\(\s*\"([^\"]+)\"",
            path.read_text(encoding="utf-8"),
        )
    }
    assert events, "nothing is logged"
    assert sorted(event for event in events if f"`{event}`" not in page("operations.md")) == []
