"""Our programs against the programs that everybody has, both ways, over a TAP."""

import hashlib
import json
import os
import re
import shutil
import sys

import pytest

from .conftest import ROOT, need, payload, run, sha256, wait_until

pytestmark = pytest.mark.interop


# --- iperf3 ---


def test_our_iperf3_measures_with_the_real_server(tap_namespace, on_tap):
    need("iperf3")
    with tap_namespace.background("iperf3", "-s", port=5201):
        guest = on_tap(
            command="".join(
                # The server takes a moment between its last word to one client and the next.
                f"iperf3 -c {tap_namespace.host} {options} || echo FAILED; sleep 0.5; "
                for options in ("-t 1", "-t 1 -R -P 2", "-t 1 -u -b 20m", "-t 1 -u -R -b 10m", "-n 2m")
            )
            + "sleep 60"
        )
        wait_until(lambda: guest.output().count("iperf Done.") + guest.output().count("FAILED") == 5, 60, "five tests")
    text = guest.output()
    # A line for each stream, and one for the sum of two.
    assert "FAILED" not in text and text.count("receiver") == 4 + 3, text
    assert "[SUM]" in text and "Lost/Total" in text and "Retr" in text


@pytest.mark.parametrize("options", ["-t 1", "-t 1 -R -P 2", "-t 1 -u -b 20m", "-t 1 -u -R -b 10m", "-n 2m"])
def test_the_real_iperf3_measures_with_our_server(tap_namespace, on_tap, options):
    need("iperf3")
    guest = on_tap(command="iperf3 -s")
    wait_until(lambda: "Server listening" in guest.output(), what="our server")
    done = tap_namespace.run("iperf3", "-J", "-c", tap_namespace.guest, *options.split(), timeout=30)
    end = json.loads(done.stdout)["end"]
    if "-u" in options:
        assert end["sum"]["packets"] > 100 and end["sum"]["lost_percent"] < 50, end["sum"]
    else:
        assert end["sum_sent"]["bytes"] > 1_000_000, end["sum_sent"]
    wait_until(lambda: "receiver" in guest.output(), what="our server's summary")
    assert "error" not in guest.output()


# --- HTTP ---

NGINX = """
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen {host}:8000; root {folder}/www; autoindex on;
    location /moved {{ return 302 /file; }}
    location /chunked {{ gzip on; gzip_types *; gzip_min_length 1; alias {folder}/www/; }}
    location = /echo {{ return 200 "$request_method $http_x_test $http_authorization"; }} }}
}}
"""


def test_our_curl_and_wget_with_nginx(tap_namespace, on_tap, tmp_path):
    need("nginx")
    (tmp_path / "www" / "sub").mkdir(parents=True)
    (tmp_path / "www" / "file").write_bytes(payload(300_000))
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, host=tap_namespace.host))
    url = f"http://{tap_namespace.host}:8000"
    command = (
        f"curl -s {url}/file | sha256sum; curl -sL -w '%{{num_redirects}} %{{http_code}}\\n' -o /tmp/a {url}/moved;"
        f"sha256sum /tmp/a; head -c 1000 /tmp/a > /tmp/b; curl -s -C - -o /tmp/b {url}/file; sha256sum /tmp/b;"
        f"wget -q -O - {url}/moved | sha256sum; head -c 999 /tmp/a > /tmp/file; cd /tmp; wget -q -c {url}/file; sha256sum file;"
        f"curl -s -X PUT -H 'X-Test: yes' -u a:b {url}/echo; echo; curl -s -I {url}/file | head -n 1; curl -sf {url}/no; echo $?;"
        f"curl -s -r 5-9 {url}/file | sha256sum; echo THE END; sleep 60"
    )
    with tap_namespace.background("nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf", port=8000):
        guest = on_tap(command=command)
        wait_until(lambda: "THE END" in guest.output(), 60, "the downloads")
    text = guest.output()
    whole = hashlib.sha256(payload(300_000)).hexdigest()
    assert text.count(whole) == 5, text
    assert "1 200\n" in text and "PUT yes Basic YTpi\n" in text and "HTTP/1.1 200 OK" in text and "\n22\n" in text
    assert hashlib.sha256(payload(300_000)[5:10]).hexdigest() in text


def test_real_curl_and_our_httpd(tap_namespace, on_tap, tmp_path):
    need("curl")
    (tmp_path / "www" / "sub").mkdir(parents=True)
    (tmp_path / "www" / "file").write_bytes(payload(100_000))
    guest = on_tap("--share", tmp_path / "www", command="httpd -v -p 80 -m 50 /host")
    url = f"http://{tap_namespace.guest}"

    def curl(*words):
        return tap_namespace.run("curl", "-sS", *words, text=False).stdout

    wait_until(lambda: tap_namespace.run("curl", "-s", url, check=False).returncode == 0, what="httpd")
    assert curl("-r", "100-199", f"{url}/file") == payload(100_000)[100:200]
    assert curl("-r", "-5", f"{url}/file") == payload(100_000)[-5:]
    head = curl("-I", f"{url}/file").decode()
    assert "200 OK" in head and "Content-Length: 100000" in head and "Accept-Ranges: bytes" in head
    date = next(line.partition(": ")[2].strip() for line in head.splitlines() if line.startswith("Last-Modified"))
    codes = ("-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n")
    assert curl(*codes, "-H", f"If-Modified-Since: {date}", f"{url}/file").startswith(b"304")
    assert b'href="./file"' in curl(f"{url}/") and b"301" in curl(*codes, f"{url}/sub")
    # Two requests on one connection.
    assert curl(*codes, f"{url}/file", *codes, f"{url}/file") == b"200 1\n200 0\n"
    assert curl(*codes, "-H", "X: " + "y" * 20000, f"{url}/file").startswith(b"431")
    assert guest.alive()


# --- DHCP and DNS ---


def test_our_udhcpc_and_dig_with_dnsmasq(tap_namespace, on_tap, tmp_path):
    need("dnsmasq")
    base = tap_namespace.host.rpartition(".")[0]
    words = (
        "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--interface=tap0", "--bind-interfaces",
        f"--dhcp-range={base}.100,{base}.150,120", f"--dhcp-leasefile={tmp_path}/leases", "--domain=test", "--local=/test/",
        "--host-record=one.test,10.9.8.7", "--cname=alias.test,one.test", "--mx-host=test,one.test,5", "--txt-record=test,hello",
        "--pid-file", "--user=root",
    )  # fmt: skip
    with tap_namespace.background("dnsmasq", *words, port=53):
        guest = on_tap(
            command="udhcpc -q -x hostname:ours; ip -br addr show eth0; dig +short alias.test; dig +short test MX;"
            "dig +short test TXT; dig +tcp +short one.test; nslookup -type=mx test; ping -c 1 one | head -n 1;"
            "nslookup nosuch.test; echo THE END; sleep 60"
        )
        wait_until(lambda: "THE END" in guest.output(), 60, "the look-ups")
    text = guest.output()
    assert "udhcpc: lease of " in text and f"{base}.1" in text and "eth0             UP             " in text
    assert "one.test.\n10.9.8.7\n5 one.test.\n\"hello\"\n10.9.8.7\n" in text, text
    assert "test\tmail exchanger = 5 one.test." in text and "PING one (10.9.8.7)" in text
    assert "** server can't find nosuch.test.test: NXDOMAIN" in text
    assert "ours" in (tmp_path / "leases").read_text()


# --- TFTP ---


def test_our_tftp_with_tftpd_hpa(tap_namespace, on_tap, tmp_path):
    need("in.tftpd")
    (tmp_path / "big").write_bytes(payload(200_000))
    (tmp_path / "put").write_bytes(b"")
    (tmp_path / "put").chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    server = ("in.tftpd", "--foreground", "--listen", "--address", f"{tap_namespace.host}:69", "--secure", tmp_path)
    with tap_namespace.background(*server, port=69):
        host = tap_namespace.host
        guest = on_tap(
            command=f"cd /tmp; tftp -g -r big {host}; sha256sum big; tftp -g -b 1428 -r big -l x {host}; sha256sum x;"
            f"tftp -p -l big -r put -b 1024 {host}; tftp -g -r nosuch {host}; echo THE END; sleep 60"
        )
        wait_until(lambda: "THE END" in guest.output(), 60, "the transfers")
    whole = hashlib.sha256(payload(200_000)).hexdigest()
    assert guest.output().count(whole) == 2 and sha256(tmp_path / "put") == whole, guest.output()
    assert "tftp: server error: (1) File not found" in guest.output()


# --- ssh ---


def test_ssh_through_our_nc(tap_namespace, tmp_path):
    need("sshd", "ssh", "ssh-keygen")
    for name in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name)
    (tmp_path / "keys").write_bytes((tmp_path / "user.pub").read_bytes())
    (tmp_path / "sshd.conf").write_text(
        f"Port 2222\nListenAddress {tap_namespace.host}\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/keys\n"
        f"StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPidFile {tmp_path}/sshd.pid\n"
    )
    os.makedirs("/run/sshd", exist_ok=True)
    line = (
        f"{sys.executable} -m lab.cli boot --net tap:tap0 --ip {tap_namespace.guest}/24 -c "
        f"'nc {tap_namespace.host} 2222' 2>/dev/null"
    )
    with tap_namespace.background(shutil.which("sshd"), "-D", "-f", tmp_path / "sshd.conf", port=2222):
        done = tap_namespace.run(
            "ssh", "-F", "none", "-o", f"ProxyCommand={line}", "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes",
            "-o", f"UserKnownHostsFile={tmp_path}/known", "-i", tmp_path / "user", "root@through", "seq 1 20000 | sha256sum",
            cwd=ROOT, timeout=60,
        )  # fmt: skip
    assert done.stdout.split()[0] == hashlib.sha256("".join(f"{n}\n" for n in range(1, 20001)).encode()).hexdigest()
    assert "through ssh-ed25519" in (tmp_path / "known").read_text()


def test_ssh_keyscan_through_our_nc_as_a_proxy(tap_namespace, on_tap, tmp_path):
    """ssh-keyscan asks the machine, on which two nc with a FIFO between them carry the connection on to a real sshd."""
    need("sshd", "ssh-keyscan", "ssh-keygen")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "host")
    (tmp_path / "sshd.conf").write_text(
        f"Port 2222\nListenAddress {tap_namespace.host}\nHostKey {tmp_path}/host\nStrictModes no\nUsePAM no\n"
        f"PidFile {tmp_path}/sshd.pid\n"
    )
    os.makedirs("/run/sshd", exist_ok=True)
    with tap_namespace.background(shutil.which("sshd"), "-D", "-f", tmp_path / "sshd.conf", port=2222):
        guest = on_tap(
            command="mkfifo /tmp/back; while nc -l -p 22 < /tmp/back |"
            f" nc {tap_namespace.host} 2222 > /tmp/back; do echo RELAYED; done"
        )
        said = []

        def scan():
            """True once it says something: between two relays nobody listens, and about a refusal it says nothing."""
            words = ("ssh-keyscan", "-t", "ed25519", "-T", "20", tap_namespace.guest)
            said.extend(tap_namespace.run(*words, check=False).stdout.splitlines())
            return said

        kind, key = (tmp_path / "host.pub").read_text().split()[:2]
        for _ in range(2):
            said.clear()
            wait_until(scan, what="a key")
            assert said == [f"{tap_namespace.guest} {kind} {key}"]
        wait_until(lambda: guest.output().count("RELAYED") >= 2, what="the end of the second relay")
        assert guest.output().count("RELAYED") == 2, "a relay without a key"


# --- ping ---


def test_ping_records_the_route_to_linux(tap_namespace, on_tap):
    """ping -R: Linux's answer carries the addresses that it has written into the option."""
    guest = on_tap(command=f"ping -R -n -c 3 -i 0.2 {tap_namespace.host}; echo THE END; sleep 60")
    wait_until(lambda: "THE END" in guest.output(), 30, "the pings")
    text = guest.output()
    assert "3 packets transmitted, 3 received, 0% packet loss" in text
    route = re.search(r"RR:((?:\s+[\d.]+\n)+)", text)[1].split()
    assert route.count(tap_namespace.host) == 2 and tap_namespace.guest in route and "(same route)" in text
