"""The version of finjax: stored in checkpoints, read by the package metadata."""

__version__ = "0.2.0"
