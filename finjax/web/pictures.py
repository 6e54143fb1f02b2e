"""Pictures of movements for the page."""

from collections.abc import Sequence

from finjax.pictures import svg
from finjax.pictures.names import pose_of


def pictures_of(names: Sequence[str]) -> dict[str, str]:
    """Returns a picture of each movement as SVG; an empty one where only a card with the name would be shown."""
    return {name: svg(name) if pose_of(name) else "" for name in names}
