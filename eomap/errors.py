"""Errors named by remedy, because the engine acts on the remedy.

Every message has four parts: where, expected, got, try. Anything that is not one of the three
classes below is a bug and stops the run.
"""


class EomapError(Exception):
    """A failure that eomap understands; its text is one line for people."""

    def __init__(self, where: str, *, expected: str = "", got: str = "", hint: str = "") -> None:
        self.where, self.expected, self.got, self.hint = where, expected, got, hint
        super().__init__(where, expected, got, hint)

    def __str__(self) -> str:
        parts = [self.where]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.got:
            parts.append(f"got {self.got}")
        text = "; ".join(parts)
        if self.hint:
            text = f"{text.rstrip('.')}. Try: {self.hint}"
        return " ".join(text.split())

    def __reduce__(self):  # keyword arguments survive pickling to and from workers
        return (_rebuild, (type(self), self.where, self.expected, self.got, self.hint))


def _rebuild(kind: type[EomapError], where: str, expected: str, got: str, hint: str) -> EomapError:
    return kind(where, expected=expected, got=got, hint=hint)


class MisuseError(EomapError):
    """The request cannot be done as asked: stop before anything is written, exit 2."""


class TransientError(EomapError):
    """The outside world failed for now: try again elsewhere, with back-off."""


class BrokenInputError(EomapError):
    """One item, file or tile is unusable: set it aside, go on, report it."""
