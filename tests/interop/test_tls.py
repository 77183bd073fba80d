"""TLS over a TAP: openssl's s_server and s_client with Python's ssl on the machine, nginx with our curl and wget."""

import contextlib
import hashlib
import subprocess

import pytest

from .conftest import Guest, need, payload, run, wait_until

pytestmark = pytest.mark.interop

NAME = "server.test"
CLIENT = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
with socket.create_connection((sys.argv[2], 4433)) as plain:
    with context.wrap_socket(plain, server_hostname=sys.argv[3]) as tls:
        print("talks", tls.version(), tls.getpeercert()["subject"][0][0][1])
        tls.sendall(b"GET /status HTTP/1.0\\r\\n\\r\\n")
        answer = b""
        while block := tls.recv(65536):
            answer += block
        print("heard", answer.splitlines()[0].decode(), len(answer) > 500)
"""
SERVER = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
with socket.create_server(("", 4433)) as listener, context.wrap_socket(listener, server_side=True) as server:
    print("listening", flush=True)
    while True:
        try:
            connection, peer = server.accept()
        except ssl.SSLError as error:
            print("refused", error.reason, flush=True)
            continue
        with connection:
            print(connection.version(), connection.shared_ciphers() is not None, flush=True)
            total = 0
            while block := connection.recv(65536):
                total += len(block)
                connection.sendall(block.swapcase())
                if block.endswith(b"END"):
                    break
            print("got", total, flush=True)
"""
NGINX = """
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  ssl_certificate_key {folder}/server.key;
  server {{ listen {host}:443 ssl; root {folder}/www; ssl_certificate {folder}/server.pem;
    location /moved {{ return 302 https://server.test/file; }} }}
  server {{ listen {host}:80; root {folder}/www; }}
  server {{ listen {host}:444 ssl; root {folder}/www; ssl_certificate {folder}/old.pem; }}
}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A folder with a test CA (ca.pem), a server's certificate by it (server.pem, server.key), and one that is out of date."""
    need("openssl")
    folder = tmp_path_factory.mktemp("ca")

    def openssl(*words):
        run("openssl", *words, cwd=folder)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "server.key",
            "-out", "server.csr", "-subj", f"/CN={NAME}")  # fmt: skip
    extensions = (f"subjectAltName=DNS:{NAME}", "basicConstraints=critical,CA:FALSE", "authorityKeyIdentifier=keyid")
    (folder / "names").write_text("\n".join(extensions))
    sign = ("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    openssl(*sign, "-days", "30", "-out", "server.pem")
    openssl(*sign, "-days", "-1", "-out", "old.pem")
    return folder


def machine_python(space, folder, *words):
    """`hwemu python` on the namespace's TAP."""
    return Guest(
        folder, "python", "--net", "tap:tap0", "--ip", f"{space.guest}/24", "--gateway", space.host, *words,
        prefix=space.words(),
    )  # fmt: skip


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_pythons_ssl_on_the_machine_talks_to_s_server(tap_namespace, authority, tmp_path, version):
    (tmp_path / "client.py").write_text(CLIENT)
    words = ("openssl", "s_server", "-accept", f"{tap_namespace.host}:4433", "-cert", authority / "server.pem",
             "-key", authority / "server.key", "-www", "-quiet", f"-{version}")  # fmt: skip
    with tap_namespace.background(*words, port=4433, stdin=subprocess.DEVNULL):
        words = (tmp_path / "client.py", authority / "ca.pem", tap_namespace.host)
        good = machine_python(tap_namespace, tmp_path, *words, NAME)
        assert good.wait(60) == 0, good.output()
        spoken = version.replace("tls", "TLSv").replace("_", ".")
        assert f"talks {spoken} {NAME}" in good.output() and "heard HTTP/1.0 200 ok True" in good.output()
        wrong = machine_python(tap_namespace, tmp_path, *words, "other.test")
        assert wrong.wait(60) == 1
        assert "SSLCertVerificationError" in wrong.output() and "Hostname mismatch" in wrong.output()


def test_s_client_talks_to_pythons_ssl_on_the_machine(tap_namespace, authority, tmp_path):
    (tmp_path / "server.py").write_text(SERVER)
    guest = machine_python(tap_namespace, tmp_path, tmp_path / "server.py", authority / "server.pem", authority / "server.key")
    try:
        wait_until(lambda: "listening" in guest.output() or not guest.alive(), what="the server")
        text = b"Abc" * 20_000 + b"END"
        for version in ("tls1_2", "tls1_3"):
            done = tap_namespace.run(
                "openssl", "s_client", "-connect", f"{tap_namespace.guest}:4433", "-servername", NAME, "-CAfile",
                authority / "ca.pem", "-verify_return_error", "-quiet", "-no_ign_eof", f"-{version}", input=text, text=False,
                check=False,
            )  # fmt: skip
            # s_client may leave with its input's end before the answer is complete: it is the start of it.
            assert text.swapcase().startswith(done.stdout) and b"verify return:1" in done.stderr
        wait_until(lambda: guest.output().count(f"got {len(text)}") == 2, what="the second end")
        refused = tap_namespace.run(
            "openssl", "s_client", "-connect", f"{tap_namespace.guest}:4433", "-verify_return_error", "-brief",
            check=False, input="",
        )  # fmt: skip
        assert refused.returncode == 1
        wait_until(lambda: "refused" in guest.output(), what="the refusal")
        assert "TLSv1.2 True" in guest.output() and "TLSv1.3 True" in guest.output()
    finally:
        guest.stop()


@contextlib.contextmanager
def nginx(space, folder):
    need("nginx")
    (folder / "www").mkdir(exist_ok=True)
    (folder / "www" / "file").write_bytes(payload(300_000))
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, host=space.host))
    with space.background("nginx", "-p", folder, "-c", folder / "nginx.conf", port=443):
        yield


def test_curl_and_wget_fetch_from_nginx_by_https(tap_namespace, on_tap, authority):
    whole = hashlib.sha256(payload(300_000)).hexdigest()
    url, old = f"https://{NAME}/file", f"https://{NAME}:444/file"
    steps = {
        "curl": f"curl -s --cacert /host/ca.pem {url} | sha256sum",
        "curl redirect": f"curl -sL --cacert /host/ca.pem https://{NAME}/moved | sha256sum",
        "curl insecure": f"curl -sk {old} | sha256sum",
        "curl unknown": f"curl -sS {url}; echo $?",
        "curl other name": f"curl -sS --cacert /host/ca.pem https://{tap_namespace.host}/file; echo $?",
        "curl expired": f"curl -sS --cacert /host/ca.pem {old}; echo $?",
        "curl no file": f"curl -sS --cacert /host/nosuch {url}; echo $?",
        "curl no certificate in it": f"curl -sS --cacert /host/server.key {url}; echo $?",
        "curl plain port": f"curl -sS https://{NAME}:80/; echo $?",
        "wget": f"wget -q -O - --ca-certificate=/host/ca.pem {url} | sha256sum",
        "wget insecure": f"wget -q -O - --no-check-certificate {old} | sha256sum",
        "wget unknown": f"wget -q -O - {url}; echo $?",
        "wget other name": f"wget -q -O - --ca-certificate /host/ca.pem https://{tap_namespace.host}/file; echo $?",
        "wget no file": f"wget -q -O - --ca-certificate /host/nosuch {url}; echo $?",
    }
    script = f"echo {tap_namespace.host} {NAME} >> /etc/hosts; " + "".join(
        f"echo '=== {name}'; {step}; " for name, step in steps.items()
    )
    with nginx(tap_namespace, authority):
        guest = on_tap("--share", authority, command=script + "echo '=== end'; sleep 60")
        wait_until(lambda: "=== end" in guest.output() or not guest.alive(), 60, "the downloads")
    parts = {part.partition("\n")[0]: part.partition("\n")[2] for part in guest.output().split("=== ")[1:]}
    good = ("curl", "curl redirect", "curl insecure", "wget", "wget insecure")
    assert {name: parts[name] for name in good} == dict.fromkeys(good, f"{whole}  -\n")
    refusals = {
        "curl unknown": ("curl: (60) SSL certificate problem: unable to get local issuer certificate", 60),
        "curl other name": ("curl: (60) SSL certificate problem: IP address mismatch", 60),
        "curl expired": ("curl: (60) SSL certificate problem: certificate has expired", 60),
        "curl no file": ("curl: (77) /host/nosuch: No such file or directory", 77),
        "curl no certificate in it": ("curl: (77) /host/server.key: ", 77),
        "curl plain port": ("curl: (35) SSL error: ", 35),
        "wget unknown": ("wget: SSL certificate problem: unable to get local issuer certificate", 5),
        "wget other name": ("wget: SSL certificate problem: IP address mismatch", 5),
        "wget no file": ("wget: /host/nosuch: No such file or directory", 5),
    }
    for name, (line, status) in refusals.items():
        # One line, and the exit status.
        said, code = parts[name].splitlines()
        assert said.startswith(line) and code == str(status), parts[name]
