"""How far up honest training goes: single networks and ensembles of them, with what they cost."""
