"""What all tests share: reproducible hypothesis examples, and the shared data where they exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time: a failure in CI is a failure at home. benchmarks/fuzz.py looks further.
settings.register_profile("reproducible", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("reproducible")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Return the folder with the ACAS Xu and TLL networks, or skip and say why."""
    if not SHARED.is_dir():
        pytest.skip(f"needs {SHARED}, which is not part of this repository")
    return SHARED
