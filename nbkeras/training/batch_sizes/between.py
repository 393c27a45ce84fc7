"""Which batch sizes to try between one that fits and one that does not."""

from __future__ import annotations

# Of the size that fits: two sizes that are nearer to each other are near enough.
_NEAR = 16


def between(fits: int, too_large: int) -> tuple[int, ...]:
    """Return sizes to try one after the other, rising, while they fit; none where enough is known.

    Each is in the middle between the one before and the size that is too large: a bisection as far as one
    process goes, which ends at the first size that does not fit.

    Example:
        >>> between(256, 512), between(256, 384), between(256, 272)
        ((384, 448, 480, 496), (320, 352, 368), ())

    Args:
        fits: the largest size that is known to fit, 0 for none.
        too_large: the smallest that is known not to.
    """
    found = []
    while too_large - fits > max(1, fits // _NEAR):
        fits = (fits + too_large) // 2
        found.append(fits)
    return tuple(found)
