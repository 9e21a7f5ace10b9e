"""Hypothesis profiles: `ci` repeats the same examples, `dev` searches anew on every run.

HYPOTHESIS_PROFILE chooses one; without it `ci` where CI is set, else `dev`.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "dev")
)
