"""How often a comparison finds a winner among arms that are the same one, on real trials.

Reading order:

1. `studies` draws studies from a pool of one arm's trials and counts those that find a winner.
2. `__main__` is the command that leaves the record.
"""
