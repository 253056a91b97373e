"""Prove that a client or gateway of an image-generation API behaves, offline and without paying a provider."""

__version__ = "0.1.0"
