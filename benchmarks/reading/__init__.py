"""How well pictures are read that nothing was trained or chosen on."""
