"""How well pictures are read that nothing was trained on."""
