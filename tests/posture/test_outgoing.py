"""Requests to addresses that people type go to configured hosts alone, at addresses that were checked."""

import http.server
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from posture import outgoing
from posture.outgoing import Refused, Rules, Unreachable, requests

LOOPBACK = [ip_network("127.0.0.0/8")]
HOOKS = Rules(["hooks.example.com", "*.below.example.org", "alert.example.com:8443"], [])


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers as the path says (/302, /slow), and remembers what it was asked."""

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.server.seen.append((self.path, dict(self.headers), self.rfile.read(length)))
        if self.path == "/silent":
            self.server.released.wait(10)
            return
        if self.path == "/drip":
            self.drip()
            return
        self.send_response(int(self.path.strip("/") or 200))
        if self.path == "/302":
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/200")
        if self.path == "/503":
            self.send_header("Retry-After", "120")
        self.end_headers()
        self.wfile.write(b"x" * (20_000_000 if self.path == "/207" else 2))

    def drip(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.released.wait(0.02):
            self.wfile.write(b"X-More: x\r\n")

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that hangs up early is what some of the tests are about."""


@pytest.fixture
def server():
    with Quiet(("127.0.0.1", 0), Recorder) as running:
        running.seen, running.released = [], threading.Event()
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.released.set()
        running.shutdown()


@pytest.fixture
def rules(server):
    return Rules([f"127.0.0.1:{server.server_port}"], LOOPBACK)


def address(server, path="/200"):
    return f"http://127.0.0.1:{server.server_port}{path}"


def send(url, rules, body=b"{}"):
    return outgoing.post(outgoing.read_target(url, rules), body, {"X-One": "1"}, rules=rules)


def names(monkeypatch, **found):
    """A resolver that knows these names alone; returns what it was asked."""
    asked = []
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *rest, **names):
        asked.append(host)
        if host.replace(".", "").isdigit() or ":" in host:
            return real(host, port, *rest, **names)
        if host not in found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = found[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answers]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    ("url", "name", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", "/"),
        ("https://HOOKS.example.com:443/a?b=c#d", "hooks.example.com", "/a?b=c"),
        ("https://hooks.example.com./x", "hooks.example.com", "/x"),
        ("https://one.below.example.org/", "one.below.example.org", "/"),
        ("https://alert.example.com:8443/", "alert.example.com:8443", "/"),
    ],
)
def test_a_configured_host_is_read(url, name, path):
    target = outgoing.read_target(url, HOOKS)
    assert (target.name, target.path) == (name, path)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://evil-hooks.example.com/",
        "https://hooks.example.com.evil.net/",
        "https://below.example.org/",
        "https://hooks.example.com:8443/",
        "https://alert.example.com/",
        "https://93.184.215.14/",
    ],
)
def test_another_host_or_port_is_refused_and_the_setting_named(url):
    with pytest.raises(Refused, match="POSTURE_WEBHOOK_HOSTS"):
        outgoing.read_target(url, HOOKS)


def test_without_configured_hosts_everything_is_refused():
    with pytest.raises(Refused, match="switched off"):
        outgoing.read_target("https://hooks.example.com/", Rules([], []))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com/x",
        "//hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "javascript:alert(1)",
        "https://",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:x/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com@evil.net/",
        "https://evil.net\\@hooks.example.com/",
        "https://hooks.example.com\\.evil.net/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nHost: evil.net",
        "https://hooks.example.com/\x00",
        "https://hööks.example.com/",
        "https://hooks.example.com/" + "a" * 2000,
        "https://[::1",
        "https://-a.example.com/",
        "https://a..example.com/",
    ],
)
def test_what_is_no_plain_https_address_is_refused(url):
    with pytest.raises(Refused):
        outgoing.read_target(url, Rules(["hooks.example.com", "evil.net", "*.example.com"], []))


# Every way in which resolvers and browsers have been seen to write 127.0.0.1 and 169.254.169.254.
ODD_FORMS = [
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.1",
    "127.0.1",
    "00127.0.0.1",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "1.2.3.4.5",
    "%31%32%37.0.0.1",
    "[::1%25eth0]",
]


@pytest.mark.parametrize("host", ODD_FORMS)
def test_odd_notations_of_addresses_are_no_host_names(host):
    rules = Rules([host, "*.1", "127.0.0.1"], LOOPBACK)
    for scheme in ("https", "http"):
        with pytest.raises(Refused, match=r"no host name|no address"):
            outgoing.read_target(f"{scheme}://{host}/", rules)


FORBIDDEN = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_special_addresses_are_refused_as_literals_and_behind_names(monkeypatch, text):
    assert outgoing.why_not(ip_address(text), [])
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(Refused):
        outgoing.read_target(f"https://{host}/", Rules([text], []))
    names(monkeypatch, **{"hooks.example.com": [text]})
    with pytest.raises(Refused, match="POSTURE_WEBHOOK_NETWORKS"):
        send("https://hooks.example.com/", HOOKS)


@pytest.mark.parametrize(
    "text", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"]
)
def test_public_addresses_are_allowed(text):
    assert outgoing.why_not(ip_address(text), []) is None


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.1.2.3", "10.1.0.0/16"),
        ("::ffff:10.1.2.3", "10.1.0.0/16"),
        ("64:ff9b::10.1.2.3", "10.1.0.0/16"),
        ("fd12::1", "fd12::/32"),
        ("127.0.0.1", "127.0.0.1/32"),
    ],
)
def test_a_private_network_can_be_allowed_and_only_that_one(text, network):
    assert outgoing.why_not(ip_address(text), [ip_network(network)]) is None
    assert outgoing.why_not(ip_address(text), [ip_network("192.168.0.0/16")])


@pytest.mark.parametrize("text", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1"])
def test_link_local_is_never_allowed(text):
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0"), ip_network("169.254.0.0/16")]
    assert outgoing.why_not(ip_address(text), everything) == "link-local"


def test_one_bad_address_among_good_ones_refuses_the_name(monkeypatch):
    names(monkeypatch, **{"hooks.example.com": ["93.184.215.14", "10.0.0.1"]})
    with pytest.raises(Refused, match=r"10\.0\.0\.1, which is private"):
        send("https://hooks.example.com/", HOOKS)


def test_the_name_is_looked_up_once_and_the_checked_address_is_connected_to(monkeypatch, server):
    port = server.server_port
    asked = names(monkeypatch, **{"localtest.example": ["127.0.0.1"]})
    rules = Rules([f"localtest.example:{port}"], LOOPBACK)
    answer = send(f"http://localtest.example:{port}/200", rules)
    assert answer.status == 200
    assert asked[0] == "localtest.example"
    # Connecting asks only for the number it was given.
    assert "localtest.example" not in asked[1:]
    assert server.seen[0][1]["Host"] == f"localtest.example:{port}"


def test_a_host_with_several_addresses_is_reached_at_one_that_answers(monkeypatch, server):
    port = server.server_port
    names(monkeypatch, **{"two.example": ["::1", "127.0.0.1"]})
    rules = Rules([f"two.example:{port}"], [*LOOPBACK, ip_network("::1/128")])
    assert send(f"http://two.example:{port}/200", rules).status == 200


def test_a_name_that_points_elsewhere_a_moment_later_changes_nothing(monkeypatch, server):
    port = server.server_port
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["169.254.169.254"]])
    real = socket.getaddrinfo

    def getaddrinfo(host, *rest, **names):
        if host == "rebind.example":
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in next(answers)
            ]
        return real(host, *rest, **names)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    rules = Rules([f"rebind.example:{port}"], LOOPBACK)
    assert send(f"http://rebind.example:{port}/200", rules).status == 200
    with pytest.raises(Refused, match="link-local"):
        send(f"http://rebind.example:{port}/200", rules)
    assert len(server.seen) == 1


def test_an_unknown_name_is_said(monkeypatch):
    names(monkeypatch)
    with pytest.raises(Unreachable, match=r"the name hooks\.example\.com is not known"):
        send("https://hooks.example.com/", HOOKS)


def test_the_body_and_headers_arrive_under_our_own_name(server, rules):
    assert send(address(server), rules, b'{"a": 1}') == outgoing.Answer(200, None)
    (path, headers, body) = server.seen[0]
    assert (path, body) == ("/200", b'{"a": 1}')
    assert headers["User-Agent"] == outgoing.USER_AGENT
    assert headers["X-One"] == "1"
    assert "Accept-Encoding" in headers


def test_http_is_for_this_machine_alone_and_only_where_allowed(monkeypatch, server):
    hosts = [f"127.0.0.1:{server.server_port}", "hooks.example.com"]
    with pytest.raises(Refused, match="this machine itself"):
        outgoing.read_target(address(server), Rules(hosts, []))
    with pytest.raises(Refused, match="use https"):
        outgoing.read_target("http://hooks.example.com/", Rules(hosts, []))
    names(monkeypatch, **{"hooks.example.com": ["93.184.215.14"]})
    with pytest.raises(Refused, match="Without https"):
        send("http://hooks.example.com/", Rules(hosts, LOOPBACK))
    assert not server.seen


def test_a_redirect_is_not_followed(server, rules):
    assert send(address(server, "/302"), rules).status == 302
    assert [path for path, _, _ in server.seen] == ["/302"]


def test_proxies_of_the_environment_are_not_asked(monkeypatch, server, rules):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(address(server), rules).status == 200


def test_a_large_answer_is_not_read_to_its_end(server, rules):
    assert send(address(server, "/207"), rules).status == 207


def test_a_receiver_may_say_how_long_it_wants_to_be_left_alone(server, rules):
    assert send(address(server, "/503"), rules) == outgoing.Answer(503, 120)


def test_silence_ends_after_a_while(monkeypatch, server, rules):
    monkeypatch.setattr(requests, "READ_SECONDS", 0.2)
    with pytest.raises(Unreachable, match="did not answer in time"):
        send(address(server, "/silent"), rules)


def test_an_answer_that_drips_is_cut_off(monkeypatch, server, rules):
    monkeypatch.setattr(requests, "TOTAL_SECONDS", 0.3)
    with pytest.raises(Unreachable, match="took longer"):
        send(address(server, "/drip"), rules)


def test_nobody_there_is_said(rules, server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Unreachable, match="refused the connection"):
            send(f"http://127.0.0.1:{port}/", Rules([f"127.0.0.1:{port}"], LOOPBACK))


def test_what_is_no_web_server_is_said():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def talk():
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 smtp.example.com ESMTP\r\n")

        threading.Thread(target=talk, daemon=True).start()
        with pytest.raises(Unreachable, match="did not answer as a web server"):
            send(f"http://127.0.0.1:{port}/", Rules([f"127.0.0.1:{port}"], LOOPBACK))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for secure.example; returns its file and the key's."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "secure.example")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("secure.example")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@pytest.fixture
def secure(server, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def test_https_goes_to_the_checked_address_by_the_name_of_the_certificate(
    monkeypatch, secure, certificate
):
    port = secure.server_port
    names(monkeypatch, **{"secure.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    rules = Rules([f"secure.example:{port}", f"other.example:{port}"], LOOPBACK)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    assert send(f"https://secure.example:{port}/200", rules).status == 200
    with pytest.raises(Unreachable, match=r"certificate of other\.example:\d+ is not good"):
        send(f"https://other.example:{port}/200", rules)


def test_a_certificate_that_nobody_vouches_for_is_refused(monkeypatch, secure):
    port = secure.server_port
    names(monkeypatch, **{"secure.example": ["127.0.0.1"]})
    with pytest.raises(Unreachable, match=r"certificate of secure\.example:\d+ is not good"):
        send(f"https://secure.example:{port}/200", Rules([f"secure.example:{port}"], LOOPBACK))
    assert not secure.seen


def test_a_set_address_shows_neither_path_nor_query(server, rules):
    target = outgoing.read_target(address(server, "/services/T1/secret?token=x"), rules)
    assert "secret" not in target.name
    assert "token" not in target.name
