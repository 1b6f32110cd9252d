"""Train: one model, fast, and its folder.

Reading order: `engine` (step → epoch → fit) → `handover` (what the engine leaves to Keras) →
`settings` (one source of configuration) → `runs` (the folder) → `train` (a run from settings
to saved model). Importing this package imports no Keras.
"""
