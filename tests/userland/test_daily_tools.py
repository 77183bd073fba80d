"""The daily tools do what the host's own do: the same output, the same status, for the same words and files."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_userland_guest import Guest, Pair

from userland.programs.cut import parse_list
from userland.proto.base64 import decode_base64, encode_base64
from userland.text.regex import RegexError, compile_regex
from userland.text.sed import Sed, SedError, parse

FILES = {
    "f": "pear 3 x\napple 10 y\nfig 2 z\napple 10 y\n\nKiwi 7 w\n",
    "n": "10\n9\n-1\n2.5\n9\n",
    "t": "a:b:c\nd:e:f\nno colon\n",
    "s": "one two  three\nfoo bar foo\n  lead\nlast line\n",
    "b": "".join(chr(c) for c in range(32, 127)) * 3 + "\n",
    "d/one.txt": "1\n", "d/two.c": "22\n", "d/e/three.txt": "", "d/e/.h": "x",
}  # fmt: skip
COMMANDS = """\
sort f
sort -r f
sort -u f
sort -n n
sort -k2n f
sort -k 2,2nr -k1 f
sort -t: -k3r t
sort -f f
sort -c n 2>/dev/null
uniq f
sort f | uniq -c
sort f | uniq -d
sort f | uniq -u
cut -d: -f1,3 t
cut -d: -f2- -s t
cut -c2-4 f
cut -b1 f
tr a-z A-Z < f
tr -d aeiou < f
tr -s ' ' < s
tr -cd '[:alpha:]' < f
tr abc x < f
tr '[:lower:]' '[:upper:]' < s
tr -s '\\n' < f
sed s/foo/X/ s
sed s/foo/X/g s
sed -n '/apple/p' f
sed 2d f
sed '2,4d' f
sed '$!d' f
sed -n '2,/Kiwi/p' f
sed 's/\\(.*\\) \\(.*\\) /\\2-\\1 /' f
sed -E 's/([a-z]+) ([0-9]+)/\\2 \\1/' f
sed 's/o/0/2' s
sed y/abc/xyz/ f
sed -n '$=' f
sed '/^$/d;s/^/> /' f
sed -e 1i\\\\top -e '$a bottom' n
sed 2q f
sed -n 'h;n;G;p' n
sed ':a;s/^\\( *\\)x/\\1y/;ta;N;P;D' s
sed 's/[aeiou]/<&>/g' f
sed -n l s
sed 's|/|_|g;s/a\\|b/Q/g' t
sed '/fig/c changed' f
sed -n '/one/,/foo/{s/o/0/;p}' s
find d | sort
find d -type f -name '*.txt' | sort
find d -maxdepth 1 | sort
find d ! -name '*.c' -type f | sort
find d -name e -o -name '*.c' | sort
find d -empty
find d -type f -exec echo got {} \\; | sort
find d -name '*.txt' -size +0
xargs < f
xargs -n 2 echo x < f
cut -d' ' -f1 n | xargs -I % echo [%]
printf 'a b\\0c' | xargs -0 -n 1 echo
echo "'a b' c\\\\ d" | xargs -n 1
tee o1 o2 < n > /dev/null; cat o1 o2
cp f g; cat g
cp -r d dd; find dd | sort
cp nosuch x 2>/dev/null
mkdir m; cp f n m; ls m
cp f g; mv g h; cat h; ls g 2>/dev/null
mkdir m; mv n m; ls m
basename /a/b.c .c; basename /; basename a/; basename .c .c
dirname /a/b; dirname a; dirname /; dirname a/b/
date -u -d @86400 '+%Y-%m-%d %H:%M:%S %j %a %b %e %y %u %s'
env -i A=1 B=2
env -u HOME A=b sh -c 'echo $A $HOME'
seq 5; seq 2 4; seq 10 -3 1; seq -w 8 11; seq -s , 3; seq 0.5 0.5 2
yes ab | head -n 3
dd if=b bs=10 count=2 2>/dev/null
dd if=b bs=7 skip=1 count=1 2>/dev/null
od -An -tx1 n
od -c n
od n
od -A d -t u1 -N 20 b
od -A x -t x2 -j 3 -N 9 b
md5sum f; sha1sum f; sha512sum < f | cut -c1-20
sha256sum f > sums; sha256sum -c sums
base64 f; base64 -w 10 n
base64 f | base64 -d
gzip -c f | gunzip | md5sum
gzip f; gunzip f.gz; cat f
printf '%s %d\\n' a 1 b
test 1 -lt 2; echo $?
timeout 5 echo fast; timeout 0.2 sleep 5; echo $?
nohup echo up 2>/dev/null
grep apple f; grep -c . f; grep -v 1 f; grep -n -i KIWI f; echo $?
grep -o '[0-9][0-9]*' f
grep -E 'fig|Kiwi' f; grep -w 7 f; grep -x 9 n; grep -F 2.5 n; grep -q zz f; echo $?
grep -e one -e last s; grep -l 1 f n t; grep a f t; grep -h a f t; grep '^$' f; grep 'o\\{2\\}' s
grep -r 1 d | sort; grep nosuch nosuch 2>/dev/null; echo $?; echo x | grep -H x
touch new f; ls new; touch -c no; ls no 2>/dev/null; echo $?
ln -s f l; cat l; ln f hard; echo more >> hard; tail -n 1 f; ln -sf n l; head -n 1 l; ln f nosuch/x 2>/dev/null; echo $?
chmod 640 f; ls -l f | cut -c1-10; chmod u+x,g-r,o=r f; ls -l f | cut -c1-10
chmod a=rwX d; ls -ld d | cut -c1-10; chmod x f 2>/dev/null; echo $?
head -2 f; tail -2 f; tail -n +3 f; tail -c 5 f; head -n -2 f
head -n 2 f; tail -n 2 f; wc -l f
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """{command: (our output, the host's output)}."""
    folder = tmp_path_factory.mktemp("tools")
    theirs = {}
    scripts = {}
    for number, command in enumerate(COMMANDS.splitlines()):
        place = folder / str(number)
        for name, text in FILES.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
        done = subprocess.run(
            [shutil.which("dash") or "sh", "-c", command], cwd=place, capture_output=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/root"},
        )  # fmt: skip
        theirs[command] = (done.stdout.decode(), done.returncode)
        scripts[f"/t/{number:03}"] = command.encode()
        for name, text in FILES.items():
            scripts[f"/w/{number:03}/{name}"] = text.encode()
    loop = "for s in /t/*; do cd /w/${s##*/}; echo \"=== $s\"; sh $s 2>&1 < /dev/null; echo \"=status $?\"; done"
    guest = Guest(loop, scripts).run(600)
    assert guest.status == 0 and guest.kernel.oopses == [], guest.text[-2000:]
    ours = {}
    for command, block in zip(COMMANDS.splitlines(), guest.text.split("=== ")[1:], strict=True):
        output, _, status = block.partition("\n")[2].rpartition("=status ")
        ours[command] = (output, int(status))
    return ours, theirs


@pytest.mark.parametrize("command", COMMANDS.splitlines())
def test_a_tool_does_what_the_hosts_does(both, command):
    ours, theirs = both
    assert ours[command] == theirs[command]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("id; id -u; id -un", "uid=0(root) gid=0(root) groups=0(root)\n0\nroot\n"),
        ("hostname; hostname -i", "hwemu\n127.0.1.1\n"),
        ("mount | head -n 1", "ramfs on / type ramfs (rw)\n"),
        ("free | head -n 1", "               total        used        free\n"),
        ("uptime", " up 0 min\n"),
        ("time sleep 2", "real\t0m2.00"),
        ("watch -n 1 -c 2 -t echo tick", "tick\ntick\n"),
        ("du -b /etc/hostname", "6\t/etc/hostname\n"),
        ("top -b -n 1 | grep -c '^  PID'", "1\n"),
        ("more /etc/hostname", "hwemu\n"),
        ("find /nosuch; find -nosuch", "find: '/nosuch': No such file or directory\nfind: unknown predicate '-nosuch'"),
        ("sed s/a; sed '{p'; sed k", "sed: -e expression #1, char "),
        ("timeout x true; echo $?", "timeout: invalid time interval 'x'\n125\n"),
        ("gunzip /etc/hosts; zcat /etc/hosts",
         "gunzip: /etc/hosts: unknown suffix -- ignored\nzcat: /etc/hosts: not in gzip format\n"),
        ("nohup nosuch; env nosuch; echo nosuch | xargs nosuch; echo $?", "nosuch: not found\n127\n"),
    ],
)
def test_tools_that_the_host_would_answer_differently(run_line, command, expected):
    text, _ = run_line(command)
    expected = expected.replace("nosuch: not found", "nosuch: No such file or directory")
    assert expected in text, text


def test_the_old_network_tools():
    text, status = Pair(
        "ifconfig eth0; route -n; netstat -ltn; netstat -i; route add default gw 10.0.0.9 && route | grep UG; "
        "route add 10.5.0.0/16 gw 10.0.0.2; route del 10.5.0.0/16 gw 10.0.0.2; ifconfig eth0 mtu 1400 down; ifconfig eth0; "
        "ifconfig eth0 10.0.0.77/24; ifconfig eth0 | grep 77; ifconfig nosuch; route add 1.2.3.4"
    ).run()  # fmt: skip
    assert "inet 10.0.0.1  netmask 255.255.255.0  broadcast 10.0.0.255\n" in text and "ether 52:54:00:12:34:57" in text
    assert "Kernel IP routing table\n" in text and "10.0.0.9" in text and "mtu 1400" in text and "inet 10.0.0.77" in text
    assert "nosuch: error fetching interface information: No such device\n" in text


SED_PIECES = st.lists(
    st.sampled_from(["s/a/b/", "p", "d", "1", "$", "/x/", ",", "{", "}", ";", "\n", "N", "D", "G", "h", "b", "ta", ":a", "q",
                     "y/a/b/", "!", "n", "i\\", "w", "=", "l", "s", "2", "\\(", "[", "c x"]),
    max_size=8,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(SED_PIECES.map("".join))
def test_any_sed_script_runs_or_is_refused_in_one_line(script):
    out = []
    try:
        commands = parse(script)
        Sed(commands, False, out.append, lambda name: b"", lambda name, data: None).run([b"ax\n", b"b\n", b"aa"])
    except SedError as error:
        assert "\n" not in str(error).replace("\\n", "")


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("[a-c]", "abc"), ("[-a]", "-a"), ("[a-]", "-a"), ("[--/]", "-./"), ("[]-a]", "]^_`a"), ("[^b-z]", "a-./]^_`&"),
        ("[a&&b]", "ab&"), ("[[:digit:]c-]", "-c"), ("[/--]", None), ("[a--]", None),
    ],
)  # fmt: skip
def test_ranges_and_minuses_in_brackets_are_posixs(text, matched):
    if matched is None:
        with pytest.raises(RegexError, match="Invalid range end"):
            compile_regex(text)
        return
    pattern = compile_regex(text)
    found = {letter for letter in "abc-./]^_`&" if pattern.search(letter.encode())}
    assert found == set(matched)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab.*[]^$\\(){}|+?-1,:", max_size=12), st.booleans(), st.binary(max_size=12))
def test_any_regular_expression_compiles_or_is_refused(text, extended, data):
    try:
        compile_regex(text, extended).search(data)
    except RegexError as error:
        assert "\n" not in str(error)


@given(st.binary(max_size=60))
def test_base64_goes_there_and_back(raw):
    import base64

    assert encode_base64(raw) == base64.b64encode(raw).decode()
    assert decode_base64(encode_base64(raw)) == raw


@given(st.text(alphabet="0123456789,-x", max_size=10))
def test_lists_of_cut(text):
    from userland import libc

    try:
        assert all(0 < low <= high for low, high in parse_list(text))
    except libc.UsageError as error:
        assert "\n" not in str(error)
