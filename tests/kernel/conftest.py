"""Makes `system`, the bench of the kernel core's tests, importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "core"))
