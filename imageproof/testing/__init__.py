"""What the pytest plugin gives to a test: one account of a mock, and what a test asks of it."""

from imageproof.testing.account import ImageproofMock
from imageproof.testing.calls import Call
from imageproof.testing.twin import AsyncImageproofMock

__all__ = ["AsyncImageproofMock", "Call", "ImageproofMock"]
