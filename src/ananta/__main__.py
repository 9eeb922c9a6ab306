"""`python -m ananta` is the `ananta` command."""

from ananta.cli import main

main()
