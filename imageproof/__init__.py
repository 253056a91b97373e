"""Prove that a client or gateway of an image-generation API behaves, offline and without paying a provider."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imageproof.mock import Mock, MockAccount

__all__ = ["Mock", "MockAccount", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load the mock when somebody asks for it: the command line must start without aiohttp."""
    if name in ("Mock", "MockAccount"):
        return getattr(import_module("imageproof.mock"), name)
    message = f"module 'imageproof' has no attribute {name!r}"
    raise AttributeError(message)
