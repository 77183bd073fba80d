"""The user-mode network with the host's own curl, http.server and nginx; no root."""

import contextlib
import http.server
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from .conftest import Guest, need, payload, run, sha256, size, wait_until

pytestmark = pytest.mark.interop


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    return subprocess.run(["curl", "-s", "-o", "/dev/null", "-m", "2", f"http://127.0.0.1:{port}/"], check=False).returncode == 0


@pytest.fixture
def share(tmp_path):
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "big.bin").write_bytes(payload(size(100 << 20, 24 << 20, 1 << 20)))
    (folder / "page.html").write_text("<html>a page</html>\n")
    return folder


@pytest.fixture
def web(share, guests):
    need("curl")
    port = free_port()
    guest = guests("boot", "--forward", f"tcp:127.0.0.1:{port}:80", "--share", share, "-c", "httpd -p 80 /host")
    wait_until(lambda: answers(port) or not guest.alive(), what="httpd")
    assert guest.alive(), guest.output()
    return port


def test_ping_the_gateway(guests):
    guest = guests("boot", "-c", "ping -c 3 10.0.2.2")
    assert guest.wait() == 0, guest.output()
    assert guest.output().count("bytes from 10.0.2.2") == 3
    assert "3 packets transmitted, 3 received, 0% packet loss" in guest.output()


def test_curl_fetches_a_large_file_with_the_right_hash(web, share, tmp_path):
    run("curl", "-sS", "-f", "-o", tmp_path / "got", f"http://127.0.0.1:{web}/big.bin", timeout=300)
    assert sha256(tmp_path / "got") == sha256(share / "big.bin")


def test_fifty_curls_at_once(web, share, tmp_path):
    count = size(50, 50, 12)

    def fetch(number):
        target = tmp_path / f"got{number}"
        done = run("curl", "-sS", "-f", "-o", target, f"http://127.0.0.1:{web}/page.html", check=False, timeout=120)
        return done.returncode, target.read_text() if target.exists() else done.stderr

    with ThreadPoolExecutor(count) as pool:
        results = list(pool.map(fetch, range(count)))
    assert results == [(0, "<html>a page</html>\n")] * count


def test_ranges_and_missing_files(web, share):
    url = f"http://127.0.0.1:{web}"
    want = (share / "big.bin").read_bytes()
    got = run("curl", "-sS", "-r", "1000-1999", f"{url}/big.bin", text=False).stdout
    assert got == want[1000:2000]
    assert run("curl", "-sS", "-r", "-10", f"{url}/big.bin", text=False).stdout == want[-10:]
    code = run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{url}/none.txt").stdout
    assert code == "404"
    assert run("curl", "-s", "-f", f"{url}/none.txt", check=False).returncode == 22
    assert run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is", f"{url}/../../etc/passwd").stdout in (
        "400",
        "403",
        "404",
    )


@contextlib.contextmanager
def http_server(folder):
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def fetched(tmp_path, port, name):
    """What `wget -O -` of the guest writes to its standard output, byte by byte."""
    guest = Guest(tmp_path, "boot", "--quiet", "-c", f"wget -q -O - http://10.0.2.2:{port}/{name} | sha256sum")
    try:
        assert guest.wait(180) == 0, guest.output()
        return guest.output().split()[-2]
    finally:
        guest.stop()


def test_wget_from_pythons_http_server(share, tmp_path):
    with http_server(share) as port:
        assert fetched(tmp_path, port, "big.bin") == sha256(share / "big.bin")


def test_wget_from_nginx(share, tmp_path):
    need("nginx")
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(f"""
        daemon off; master_process off; pid "{tmp_path}/nginx.pid"; error_log "{tmp_path}/error.log";
        events {{ worker_connections 64; }}
        http {{ access_log off; client_body_temp_path "{tmp_path}/a"; proxy_temp_path "{tmp_path}/b";
                fastcgi_temp_path "{tmp_path}/c"; uwsgi_temp_path "{tmp_path}/d"; scgi_temp_path "{tmp_path}/e";
                server {{ listen 127.0.0.1:{port}; root "{share}"; }} }}
    """)
    tmp_path.chmod(0o755)
    server = subprocess.Popen(["nginx", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port) or server.poll() is not None, what="nginx")
        assert fetched(tmp_path, port, "big.bin") == sha256(share / "big.bin")
    finally:
        server.terminate()
        server.wait(10)


def test_a_refused_port_is_refused_in_the_guest(tmp_path):
    guest = Guest(tmp_path, "boot", "-c", f"wget -q -O - http://10.0.2.2:{free_port()}/")
    try:
        assert guest.wait(60) not in (0, None)
        assert "refused" in guest.output().lower()
    finally:
        guest.stop()
