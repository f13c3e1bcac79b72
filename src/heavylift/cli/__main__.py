"""`python -m heavylift.cli` is the command `heavylift`."""

from heavylift.cli.app import main

main()
