"""Windows: in which squares a network sees a raster, and what it says of each.

Windows lie on a grid that is anchored to the zone's origin, so a place is always seen in the same squares,
however a zone is cut into frames.
"""

from dataclasses import dataclass

from eomap.errors import MisuseError


@dataclass(frozen=True, slots=True)
class Layout:
    """The squares of one network: `lead_px` pixels, `cells` x `cells` output cells, `lead_px` again."""

    side_px: int
    """Side of a window."""
    step_px: int
    """From the beginning of a window to that of the next; less than its cells take makes windows overlap."""
    cell_px: int = 1
    """Side of an output cell."""
    lead_px: int = 0
    """Pixels of a window before its first output cell, seen but not mapped."""
    batch: int = 1
    """Windows per call: always as many, for the bits of one may depend on how many there are."""

    def __post_init__(self) -> None:
        inner = self.side_px - 2 * self.lead_px
        if self.cell_px < 1 or inner < self.cell_px or inner % self.cell_px or self.batch < 1:
            raise MisuseError(
                "windows",
                expected=f"{self.side_px} px to hold whole cells of {self.cell_px} px",
                got=str(self),
            )
        if not 0 < self.step_px <= inner or self.step_px % self.cell_px:
            raise MisuseError("windows", expected=f"a step of whole cells up to {inner} px", got=str(self))

    @property
    def cells(self) -> int:
        """Output cells along a side of a window."""
        return (self.side_px - 2 * self.lead_px) // self.cell_px

    @property
    def step(self) -> int:
        """From one window to the next, in output cells."""
        return self.step_px // self.cell_px

    @property
    def overlap(self) -> int:
        """Cells that neighbouring windows share."""
        return self.cells - self.step

    @property
    def halo_px(self) -> int:
        """Pixels that a frame needs around its cells: every window that says something of one is whole.

        Where windows do not overlap, a cell is taken for a function of the pixels `lead_px` around it.
        """
        return self.lead_px + (self.cells - 1) * self.cell_px if self.overlap else self.lead_px

    def first(self, cell: int) -> int:
        """Return the first cell, counted from the zone's origin, of the first window that covers a cell.

        >>> Layout(256, 192).first(0), Layout(256, 192).first(64)
        (-192, 0)
        """
        return -((self.cells - 1 - cell) // self.step) * self.step


@dataclass(frozen=True, slots=True)
class Described:
    """What the scheduler has to know of a network, without its weights."""

    name: str
    sha256: str
    layout: Layout
    channels: int
    asides: int
