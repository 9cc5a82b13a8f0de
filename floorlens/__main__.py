"""`python -m floorlens`: the command line, for installations whose scripts are not on the path."""

from floorlens.cli import main

main()
