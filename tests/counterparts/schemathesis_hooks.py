"""Loaded by Schemathesis before its run: how to draw a text of the format `image-size`.

The pattern of such a text lists every size that the pixel rules allow, and to draw from thousands of alternatives takes
Hypothesis seconds each time. A text drawn here still has to match the pattern.
"""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

SIZES = ("1024x1024", "1536x1024", "1024x1536", "1008x1792", "2048x1024", "816x816", "3840x2160", "2160x3840")

schemathesis.openapi.format("image-size", st.sampled_from(SIZES))
