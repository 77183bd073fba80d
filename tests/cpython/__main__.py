"""The table of CPython's own tests: `python -m tests.cpython [--write] [MODULE [TEST ...]]`.

Each module of the interpreter's `test` package runs in a machine of its own, in virtual time.  `--write` puts the table
into docs/python.md.  The exit status is 1 when a test has failed.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).absolute().parents[2]
PAGE = ROOT / "docs" / "python.md"
BEGIN, END = "<!-- cpython tests -->", "<!-- end of cpython tests -->"
PATIENCE = 560
# Some tests want a local time that is not UTC.
TIME_ZONE = "CET-1CEST,M3.5.0,M10.5.0/3"

MODULES = (
    "test_socket", "test_select", "test_selectors", "test_poll", "test_epoll", "test_socketserver", "test_httplib",
    "test_httpservers", "test_urllib2_localnet", "test_smtplib", "test_ssl", "test_asyncio.test_sock_lowlevel",
    "test_asyncio.test_streams", "test_asyncio.test_server", "test_asyncio.test_selector_events",
    "test_asyncio.test_base_events", "test_asyncio.test_events", "test_asyncio.test_ssl", "test_asyncio.test_sslproto",
    "test_asyncio.test_buffered_proto", "test_asyncio.test_sendfile", "test_asyncio.test_unix_events",
)  # fmt: skip


def run_module(module, wanted=()):
    """{test: (outcome, detail)} of one module."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        machine = [sys.executable, "-m", "lab.cli", "python", "--net", "none", "--memory", "256M"]
        words = [*machine, "-m", "tests.cpython.guest", module, results, *wanted]
        try:
            done = subprocess.run(
                words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=not wanted, text=True, timeout=PATIENCE, check=False,
                env={**os.environ, "TZ": TIME_ZONE},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {module: ("failed", f"not done after {PATIENCE} s")}
        if not results.exists():
            return {module: ("failed", (done.stderr or "")[-3000:] or f"exit status {done.returncode}")}
        return json.loads(results.read_text())


def row(module, outcomes):
    """One line of the table."""
    counts = Counter(outcome for outcome, _ in outcomes.values())
    return f"| `{module}` | {counts['passed']} | {counts['failed']} | {counts['skipped']} | {counts['excluded']} |"


def reasons(results):
    """[(reason, how many)] of everything that did not run, most frequent first."""
    counts = Counter(detail for outcomes in results.values() for outcome, detail in outcomes.values()
                     if outcome in ("skipped", "excluded"))
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def table(results):
    """The table and the reasons as Markdown."""
    lines = [
        f"CPython {sys.version.split()[0]}; skipped is what the test itself finds to be missing, excluded is our list.", "",
        "| module | passed | failed | skipped | excluded |", "|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [row(module, outcomes) for module, outcomes in results.items()]
    lines.append(row("all", {(module, name): outcome for module, found in results.items() for name, outcome in found.items()}))
    lines += ["", "| why a test did not run | tests |", "|---|---|"]
    lines += [f"| {reason.replace('|', '/') or '(the test gives none)'} | {count} |" for reason, count in reasons(results)]
    failed = [name for outcomes in results.values() for name, (outcome, _) in outcomes.items() if outcome == "failed"]
    if failed:
        lines += ["", "Failed:", "", *[f"- `{name.removeprefix('test.')}`" for name in failed]]
    return "\n".join(lines)


def main(words):
    write = "--write" in words
    words = [word for word in words if word != "--write"]
    wanted = words[1:]
    results = {}
    for module in words[:1] or MODULES:
        results[module] = run_module(module, wanted)
        print(row(module, results[module]), flush=True)
        for name, (outcome, detail) in results[module].items():
            if outcome == "failed" and not write:
                print(f"  {name}: {detail.strip().splitlines()[-1] if detail.strip() else ''}")
    if write:
        text = PAGE.read_text()
        before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
        PAGE.write_text(f"{text[:before]}\n{table(results)}\n{text[after:]}")
    return int(any(outcome == "failed" for outcomes in results.values() for outcome, _ in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
