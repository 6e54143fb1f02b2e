"""Models that come from other programs."""
