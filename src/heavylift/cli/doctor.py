"""`heavylift doctor`: what stands between this machine and a good upload, and what to do about it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from heavylift.cli.connection import server_of
from heavylift.cli.exits import FAILED, one_line
from heavylift.cli.output import AsJson, examples, show_json

if TYPE_CHECKING:
    from heavylift.cli.probes import Finding

EXAMPLES = examples("heavylift doctor", "heavylift doctor --json | jq -r '.[] | .check, .state'")

COLORS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "bright_black"}


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check the server, the key, the clock, the storage, and whatever is on the way.

    Sends one part of 1 MiB to an Upload that is cancelled again. Ends with 1 when a check failed.
    """
    from heavylift.cli.examination import examine

    findings = []
    for finding in examine(server_of(context)):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        show_json([asdict(finding) for finding in findings])
    raise typer.Exit(FAILED if any(finding.state == "failed" for finding in findings) else 0)


def _show(finding: "Finding") -> None:
    state = typer.style(f"{finding.state:<8}", fg=COLORS[finding.state])
    typer.echo(f"{state} {finding.check:<8} {one_line(finding.said)}")
    if finding.remedy:
        typer.echo(f"{'':<17} -> {one_line(finding.remedy)}")
