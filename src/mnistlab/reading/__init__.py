"""A picture → lines → digits. No Keras: the shipped network runs in ONNX Runtime.

bytes → bounded decode, turned (`data.pictures`) → ways to see it (`views`) → ink (`ink`)
      → pieces in lines (`digits`) → cut and joined to digits (`segment`), each as MNIST made its
      own (`normalize`) → one batch through the network (`network`) → calibrated, or `?` (`read`)
"""
