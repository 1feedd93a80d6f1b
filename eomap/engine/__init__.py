"""Running a plan: a pure run machine, the ledger, and two ways to do the work (Ray, or one process)."""
