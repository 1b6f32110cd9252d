"""How long training takes to 99.0, 99.5 and 99.7 % on the test images, beside well-known examples.

contenders   Keras' mnist_convnet on three backends and with mnistlab.fit; PyTorch's example
seeds        `mnistlab train` with a fixed recipe, one process a seed
__main__     the command: by turns, the record, the table
"""
