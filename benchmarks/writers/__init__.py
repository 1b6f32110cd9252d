"""How MNIST's images lie by their writers, and what that means for an accuracy's interval."""
