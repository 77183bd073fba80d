"""`python -m http.server` under wrk: on our machine over a TAP, and on the host's own stack over veth, in one run."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.network import GUEST, HERE, HOST, TAP, namespace, process, sh

PORT = "8000"
PAGE = b"<!doctype html><title>hwemu</title>" + b"<p>A page of about a kibibyte.</p>" * 30
CONNECTIONS = 8


def requests_per_second(space, seconds):
    """What wrk counts from inside the namespace."""
    load = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", f"http://{GUEST}:{PORT}/index.html"]
    words = ["ip", "netns", "exec", space, *load]
    run = subprocess.run(words, check=True, capture_output=True, text=True, timeout=seconds * 4 + 30)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", run.stdout).group(1))


def quietly(space, words):
    """The command that runs `words` in the namespace; the server's log goes nowhere, or a full pipe would stop it."""
    return ["ip", "netns", "exec", space, "sh", "-c", 'exec "$@" 2>/dev/null', "sh", *words]


def best(space, options):
    return max(requests_per_second(space, options.seconds) for _ in range(options.rounds))


def on_machine(folder, options):
    network = ["--net", "tap:tap0", "--ip", f"{GUEST}/24"]
    words = [sys.executable, "-m", "lab.cli", "python", *network, "-m", "http.server", "-d", folder, PORT]
    with namespace("hwemu-http", *TAP) as space:
        environ = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        with process(quietly(space, words), ready=2.5, env=environ):
            return best(space, options)


def on_host(folder, options):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(namespace("hwemu-http-b"))
        veth = (f"link add v0 type veth peer name v1 netns {server}", f"addr add {HOST}/24 dev v0", "link set v0 up")
        client = stack.enter_context(namespace("hwemu-http-a", *veth))
        sh("ip", "-n", server, "addr", "add", f"{GUEST}/24", "dev", "v1")
        sh("ip", "-n", server, "link", "set", "v1", "up")
        words = [sys.executable, "-m", "http.server", "-d", folder, PORT]
        stack.enter_context(process(quietly(server, words), ready=1.5))
        return best(client, options)


def section(options):
    """The rates side by side, and ours as a share of the host's."""
    if shutil.which("wrk") is None:
        print("http: left out: needs wrk")
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "index.html").write_bytes(PAGE)
        ours = on_machine(folder, options)
        host = on_host(folder, options)
    print(f"python -m http.server, {CONNECTIONS} connections of wrk     hwemu         host   share of the host's")
    print(f"  requests, /s                       {ours:10.1f} {host:12.1f}   {ours / host:8.2f}")
