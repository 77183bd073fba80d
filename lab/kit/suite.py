"""All checks in one place: `CHECKS`, `run`, `run_all`.

    from lab.kit.suite import CHECKS, run

    @pytest.mark.parametrize("name", CHECKS)
    def test_my_driver(name):
        run(CHECKS[name], my_driver.module_init)
"""

from lab.kit import paths, trials
from lab.kit.checks import CHECKS, Check, CheckFailed, run, run_all

ROOMS = (paths, trials)

__all__ = ["CHECKS", "Check", "CheckFailed", "run", "run_all"]
