"""`both`: carries out a scenario on our machine and on the host's Linux, which shows that what it expects is Linux's."""

import pytest
from unix_box import on_linux, on_machine


@pytest.fixture(params=["machine", "linux"])
def both(request, tmp_path):
    kernel = on_machine if request.param == "machine" else on_linux
    return lambda scenario: kernel(scenario, str(tmp_path))
