"""Part two of the tutorial, made fair: plan → trials → store → statistics.

A *study* compares *arms* (the choices of one *axis*) by *trials*; DESIGN in `docs/comparing.md`.
"""
