"""Fixtures that every test may ask for."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real scenes, labels and published weights; see docs/how-to/test-data.md."""
    path = Path(os.environ.get("EOMAP_SHARED", ROOT.parent / "shared")) / "data"
    if path.is_dir():
        return path.parent
    message = f"real scenes not found at {path}; set EOMAP_SHARED"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
