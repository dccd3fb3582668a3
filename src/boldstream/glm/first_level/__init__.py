"""nilearn's first-level model, streamed."""

from boldstream.glm.first_level.bids import first_level_from_bids
from boldstream.glm.first_level.model import FirstLevel

__all__ = ["FirstLevel", "first_level_from_bids"]
