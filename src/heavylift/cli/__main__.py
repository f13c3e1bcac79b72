"""`python -m heavylift.cli` is the command `heavylift`."""

from heavylift.cli.start import main

main()
