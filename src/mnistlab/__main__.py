"""`python -m mnistlab` is the command `mnistlab`."""

from mnistlab.cli import main

main()
