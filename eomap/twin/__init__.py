"""A made-up world: scenes that no satellite took, of a landscape whose truth is known everywhere."""
