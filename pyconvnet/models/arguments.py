"""What models say about settings that do not fit."""

from ..functional.arguments import whole


def positive(op, **settings):
    """TypeError, ValueError unless all are whole numbers from 1."""
    whole(op, **settings)
    for name, n in settings.items():
        if n < 1:
            raise ValueError(f"{op}: {name} must be positive, got {n}")
