"""On PYTHONPATH this arms whatever Python program is started with it: see armed.py."""

import os

if "CRASH_POINT" in os.environ:
    from tests.surviving.armed import arm_as_told

    arm_as_told()
