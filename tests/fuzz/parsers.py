"""Everything that takes text or messages from outside apart: DNS, DHCP, HTTP, captures, filters, the shell, arguments.

The first byte of an input names the parser.  A parser may refuse with the exception it documents, and nothing else;
where two ways lead to one answer, both must give it.
"""

import socket
from unittest import mock

from hwemu.wire.impair import parse_impairments
from lab import arguments
from lab.usernet import dhcp as dhcp_server
from lab.usernet import dns as dns_server
from userland.libc import databases, dns, inet, resolver
from userland.net import filter as packet_filter
from userland.net import packet, pcap
from userland.net.bpf import Machine
from userland.net.printer import Printer
from userland.proto import dhcp, http, icmp
from userland.shell import expand, lexer, lineedit, nodes, parser, pattern

from .choices import Choices

LONGEST_INPUT = 700
NAME = "www.example.org"
IDENT = 0x1234
HARDWARE = bytes.fromhex("525400123456")
EXPANSION = "a b"
FILTER_WORDS = (
    "and", "or", "not", "(", ")", "!", "&&", "||", "host", "net", "port", "portrange", "src", "dst", "ether", "tcp", "udp",
    "icmp", "arp", "ip", "ip6", "vlan", "10.0.0.1", "10.0.0.0/8", "80", "1-1024", "broadcast", "multicast", "greater", "less",
    "proto", "6", "0x800", "52:54:00:12:34:56", "len", "mask",
)  # fmt: skip
SHELL_PIECES = (
    " ", "a", "$x", "${x:-y}", "$?", "'", '"', "\\", "|", "&", "&&", "||", ";", "\n", ">", "<", ">>", "2>&1", "#", "*", "[a-z]",
    "?", "x=1", "(", ")", "${", "$", "\t", "![", "]", "é", "if ", "then ", "fi", "for x in ", "do ", "done", "case ", "esac",
    "{ ", "}", "$(", "$((", "))", "`", "<<E\n", "E\n",
)  # fmt: skip
ADDRESS_PIECES = ("0", "1", "255", "256", ".", ".", ".", "0x", "f", "08", "4294967295", "-1", " ", "+", "_", "٣")
IMPAIRMENTS = ("loss=", "delay=", "rate=", "jitter=", "reorder=", "5%", "1e3", "nan", "inf", "ms", "mbit", ",", "=", "-", "0")


def text_of(choices):
    return choices.rest().decode("latin-1")


def composed(choices, pieces):
    """Text put together from what the language is made of, or any text."""
    if choices.flag(4):
        return text_of(choices)
    out = []
    while choices:
        out.append(choices.pick(pieces))
    return "".join(out)


def one_line(function, text, error=ValueError):
    """A refusal fits into one line of an error message."""
    try:
        return function(text)
    except error as refusal:
        assert "\n" not in str(refusal), f"more than one line: {refusal!r}"
        return None


def dns_response(choices):
    message = choices.rest()
    if message[:1] > b"\x40":
        question = dns.encode_name(NAME) + b"\0\1\0\1"
        message = IDENT.to_bytes(2, "big") + b"\x81\x80\0\1" + message[1:7].ljust(6, b"\0") + question + message[7:]
    response = dns.parse_response(message, IDENT, NAME)
    if response is not None:
        canonical, found = dns.resolve_chain(response, NAME)
        assert all(inet.parse_quad(quad) >= 0 for quad in found), found
        assert isinstance(canonical, str)


def dns_names(choices):
    message = choices.rest()
    name, behind = dns.decode_name(message, 0)
    if name is not None:
        assert 0 < behind <= len(message) and len(name) < 1100
        wire = dns.encode_name(name)
        if wire is not None and "\\" not in name:
            assert dns.decode_name(wire, 0) == (name, len(wire))


def dns_question(choices):
    question = dns_server.parse(choices.rest())
    if isinstance(question, dns_server.Question):
        assert len(question.wire) >= 5
        try:
            dns_server.encode_name(question.name)
        except UnicodeError:
            pass
    else:
        assert question is None or len(question) == 12


def dhcp_client(choices):
    frame = choices.rest()
    payload = dhcp.payload_of(frame)
    assert payload is None or len(payload) <= len(frame) - 42
    fixed = b"\2\1\6\0" + IDENT.to_bytes(4, "big") + frame[:20].ljust(20, b"\0") + HARDWARE + frame[20:160].ljust(202, b"\0")
    reply = dhcp.parse(fixed[: dhcp.FIXED_SIZE] + dhcp.MAGIC + frame[160:], IDENT, HARDWARE)
    if reply is not None:
        for quad in [reply.address, *reply.dns, *reply.routers]:
            assert inet.parse_quad(quad) >= 0, quad
        assert reply.domain is None or (reply.domain.isascii() and " " not in reply.domain and "\n" not in reply.domain)


def dhcp_service(choices):
    """A client's messages to the user network's server: what it answers, our own client understands."""
    server = dhcp_server.DHCPServer()
    for _ in range(3):
        hardware = bytes([2, 0, 0, 0, 0, choices.byte()])
        kind = choices.pick((1, 3, 4, 7, 8, choices.byte()))
        head = b"\1\1\6\0" + IDENT.to_bytes(4, "big") + choices.piece(20).ljust(20, b"\0") + hardware
        options = bytes([53, 1, kind]) + choices.piece(choices.below(64))
        message = head.ljust(dhcp.FIXED_SIZE, b"\0") + dhcp.MAGIC + options
        answer = server.answer(message)
        if answer is not None:
            assert dhcp.parse(answer, IDENT, hardware) is not None, answer.hex()


def http_request(choices):
    head = choices.rest()
    if head[:1] < b"\x80":
        head = b"GET /" + head.replace(b"\0", b"%2e").replace(b"\1", b"/") + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    try:
        request = http.parse_request(head)
        path = http.target_path(request.target)
    except http.HttpError:
        return
    request.keep_alive()
    request.has_body()
    assert path.startswith("/") and "\0" not in path
    assert not any(part in ("..", ".") for part in path.split("/")), path
    http.mime_type(path)
    http.escape_html(path)


def http_range(choices):
    size = choices.pick((0, 1, 2, 100, 1 << 40))
    found = http.parse_range("bytes=" + text_of(choices) if choices.flag() else text_of(choices), size)
    if found is not None and found != http.UNSATISFIABLE:
        assert 0 <= found[0] <= found[1] < size, (found, size)


def http_response(choices):
    response = http.parse_response(choices.rest())
    if response is not None:
        response.content_length()
        response.chunked()


def chunked(choices):
    """However the bytes are cut, the body is the same."""
    cut = choices.byte()
    data = choices.rest()
    if cut & 1:
        data = data.replace(b"\0", b"\r\n").replace(b"\1", b"3\r\nabc\r\n")
    whole, pieces = http.ChunkedDecoder(), http.ChunkedDecoder()
    first = b"".join(whole.feed(data))
    step = (cut >> 1) % 7 + 1
    second = b"".join(piece for at in range(0, len(data), step) for piece in pieces.feed(data[at : at + step]))
    assert (first, whole.done, whole.failed) == (second, pieces.done, pieces.failed)


def urls(choices):
    text = text_of(choices)
    url = http.parse_url(text)
    if url is not None:
        again = http.parse_url(url.text())
        assert again is not None and (again.host, again.port, again.path) == (url.host, url.port, url.path), text
    http.join_url(http.parse_url("http://a/b/c?d"), text)


def icmp_messages(choices):
    data = choices.rest()
    message = icmp.parse(data)
    if message is not None:
        message.error_text()
    icmp.strip_ip(data)


def printed_packets(choices):
    """Frames as tcpdump prints them, and whether filters fit."""
    verbose = choices.byte()
    frame = choices.rest()
    if verbose & 4:
        frame = bytes(12) + b"\x08\x00\x45" + frame
    taken = packet.Packet(frame)
    Printer(verbose & 1, bool(verbose & 2), bool(verbose & 8), bool(verbose & 16)).line(taken)
    packet.hex_dump(frame)


def filters(choices):
    words = []
    while choices and len(words) < 40:
        words.append(choices.pick(FILTER_WORDS))
    try:
        # There is no machine here with an /etc/services.
        with mock.patch.object(databases, "read_text", return_value=-1):
            program = packet_filter.compile_filter(" ".join(words), {"host": "10.0.0.1"}.get)
    except packet_filter.FilterError as refusal:
        assert "\n" not in str(refusal)
        return
    Machine(program).run(bytes(12) + b"\x08\0\x45" + bytes(60), 75)


def captures(choices):
    """However the bytes are cut, the records are the same."""
    step = choices.below(40) + 1
    data = choices.rest()
    if step & 1:
        data = pcap.file_header() + data
    whole, pieces = pcap.Reader(), pcap.Reader()
    whole.feed(data)
    first = whole.records()
    second = []
    for at in range(0, len(data), step):
        pieces.feed(data[at : at + step])
        second += pieces.records()
    assert first == second and whole.error == pieces.error


def impairments(choices):
    text = composed(choices, IMPAIRMENTS)
    spec = one_line(parse_impairments, text)
    if spec is not None:
        assert all(value >= 0 for value in spec.values()), spec


def command_line(choices):
    text = composed(choices, (*ADDRESS_PIECES, "tcp:", "udp:", ":", "/", "24", "tap:", "user", "G", "K"))
    for function in (
        arguments.network, arguments.tap_name, arguments.port, arguments.forward, arguments.ipv4,
        arguments.interface_address, arguments.memory, arguments.seed,
    ):  # fmt: skip
        one_line(function, text)


def shell_lines(choices):
    text = composed(choices, SHELL_PIECES)
    try:
        tree = parser.parse(text)
    except lexer.ShellSyntaxError as refusal:
        assert str(refusal) and "\n" not in str(refusal) and refusal.line >= 1
        return
    assert nodes.encode(nodes.decode(nodes.encode(tree))) == nodes.encode(tree)
    expander = expand.Expander(NoShell())
    for item in tree.items:
        for _, pipeline in item.items:
            for command in pipeline.commands:
                for word in command.words if isinstance(command, nodes.Simple) else ():
                    try:
                        fields = expander.word_fields(word)
                        assert all(isinstance(field, str) for field in fields)
                        expander.single(word)
                    except expand.ExpansionError as error:
                        assert str(error)


class NoShell:
    """What the expander asks of a shell."""

    def __init__(self):
        self.variables = {}
        self.arguments = ["1 2", "3"]

    def option(self, letter):
        return False

    def value(self, name):
        return EXPANSION

    def assign(self, name, value):
        self.variables[name] = value

    def names_in(self, directory):
        return ["a", "b", ".c", "]"]

    def is_directory(self, path):
        return path == "a"

    def capture(self, node):
        return EXPANSION


def shell_patterns(choices):
    name = choices.piece(choices.below(64)).decode("latin-1")
    text = composed(choices, ("*", "?", "[", "]", "!", "-", "a", "z", "\\", "[:alpha:]"))
    pattern.matches(pattern.compile_pattern([(text, False)]), name)


def line_editor(choices):
    """Any keys: the cursor stays in the line and every line comes out."""
    editor = lineedit.LineEditor(lambda before: ["alpha", "alpine"], columns=choices.below(40))
    editor.start("$ ")
    for byte in choices.rest():
        event = editor.feed(byte)
        assert 0 <= editor.cursor <= len(editor.text) <= lineedit.MAX_LINE
        if event is not None:
            editor.start("$ ")
    editor.take_output()


def addresses(choices):
    """Addresses as the host's C library reads them."""
    text = composed(choices, ADDRESS_PIECES)
    inet.ether_aton(text)
    if not text.isascii() or any(char <= " " for char in text):
        inet.parse_aton(text)
        inet.parse_quad(text)
        return
    assert inet.inet_aton(text) == host_reads(socket.inet_aton, text), text
    quad = inet.parse_quad(text)
    packed = None if quad < 0 else quad.to_bytes(4, "big")
    assert packed == host_reads(lambda written: socket.inet_pton(socket.AF_INET, written), text), text


def host_reads(function, text):
    try:
        return function(text)
    except OSError:
        return None


def configuration_files(choices):
    text = text_of(choices)
    for quad, _ in databases.parse_hosts(text):
        assert inet.parse_quad(quad) >= 0
    assert databases.parse_nsswitch("hosts: " + text)
    config = resolver.ResolverConfig(text.replace("\0", "nameserver 1.2.3.4\n").replace("\1", "options ndots:"))
    assert 1 <= config.timeout <= 30 and 1 <= config.attempts <= 5 and config.ndots <= 15
    config.candidates(NAME)


PARSERS = (
    dns_response, dns_names, dns_question, dhcp_client, dhcp_service, http_request, http_range, http_response, chunked, urls,
    icmp_messages, printed_packets, filters, captures, impairments, command_line, shell_lines, shell_patterns, line_editor,
    addresses, configuration_files,
)  # fmt: skip


def run(data):
    """Give everything behind the first byte to the parser that it names."""
    choices = Choices(data)
    choices.pick(PARSERS)(choices)
