"""The key of this run's digests: both ends' passwords can be compared, and nobody can work back to them afterwards."""

from __future__ import annotations

import secrets

KEY = secrets.token_bytes(32)
"""Never kept: digests of two runs have nothing in common."""
