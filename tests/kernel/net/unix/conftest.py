"""`run`: carries out a scenario on our machine, or on the host's Linux."""

import pytest
from unix_box import on_linux, on_machine


@pytest.fixture(params=["machine", "linux"])
def run(request, tmp_path):
    kernel = on_machine if request.param == "machine" else on_linux
    return lambda scenario: kernel(scenario, str(tmp_path))
