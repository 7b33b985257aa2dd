"""Facial-expression and 3D-face GANs in TensorFlow 2 / Keras."""

__version__ = "0.1.0"
