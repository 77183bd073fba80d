"""Scripts that our shell runs as the host's dash does: the same output, the same status."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests_userland_guest import Guest

# Scripts behind lines of `=== NAME`.
CORPUS = (Path(__file__).parent / "shell_corpus.txt").read_text(encoding="utf-8")
SCRIPTS = {name: text for name, _, text in (block.partition("\n") for block in CORPUS.split("=== ")[1:])}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """{script: (our output, dash's output)}, all run on one machine and in one folder."""
    if shutil.which("dash") is None:
        pytest.skip("needs dash")
    folder = tmp_path_factory.mktemp("scripts")
    theirs = {}
    for name, text in SCRIPTS.items():
        place = folder / name
        place.mkdir()
        script = folder / f"{name}.sh"
        script.write_text(text)
        (folder / "sh").mkdir(exist_ok=True)
        link = folder / "sh" / "sh"
        if not link.exists():
            link.symlink_to(shutil.which("dash"))
        environment = {"PATH": f"{folder / 'sh'}:/usr/bin:/bin", "HOME": str(folder)}
        done = subprocess.run(
            ["dash", script], cwd=place, capture_output=True, timeout=30, check=False, env=environment, stdin=subprocess.DEVNULL
        )
        theirs[name] = (done.stdout.decode(), done.returncode)
    files = {f"/t/{name}.sh": text.encode() for name, text in SCRIPTS.items()}
    loop = (
        "for s in /t/*.sh; do n=${s##*/}; mkdir -p /w/$n; cd /w/$n; echo \"=== ${n%.sh}\"; sh $s 2>/dev/null < /dev/null;"
        " echo \"=status $?\"; done"
    )
    guest = Guest(loop, files).run(600)
    assert guest.status == 0 and guest.kernel.oopses == [], guest.text[-3000:]
    ours = {}
    for block in guest.text.split("=== ")[1:]:
        name, _, rest = block.partition("\n")
        output, _, status = rest.rpartition("=status ")
        ours[name] = (output, int(status))
    return ours, theirs


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_does_what_dash_makes_it_do(both, name):
    ours, theirs = both
    assert ours[name] == theirs[name]
