"""cosearch: hardware-aware architecture and design-space search."""

from __future__ import annotations
