"""Filters of radar's speckle by name, and how far they reach: what a plan has to know of them."""

FILTERS = ("none", "lee", "multitemporal")
RADIUS_PX = 3


def margin_px(name: str) -> int:
    """Return the distance beyond which no pixel changes what a filter gives."""
    return 0 if name == "none" else RADIUS_PX
