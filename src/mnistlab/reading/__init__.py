"""A picture → lines → digits. No Keras: the shipped network runs in ONNX Runtime.

bytes → bounded decode, turned (`data.pictures`) → ink (`ink`) → digits in lines (`digits`)
      → each as MNIST made its own (`normalize`) → one batch through the network (`network`)
      → calibrated, or `?` (`read`)
"""
