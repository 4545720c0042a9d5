"""The version of the software; the model has one of its own."""

__version__ = "0.1.0"
