"""Pictures of hand movements, for prompts and pages: `finjax.pictures.svg("wrist flexion")`."""

from finjax.pictures.picture import svg

__all__ = ["svg"]
