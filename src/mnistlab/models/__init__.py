"""Build: names, normalisation, the zoo.

Reading order: `spec` (how a choice is written) → `functions` (what can be chosen) → `backend`
(which Keras) → `zoo` (the models), `own` (the user's). Importing this package imports no Keras.
"""
