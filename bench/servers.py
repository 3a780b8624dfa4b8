"""The servers, all on loopback, started when first asked for and ended with the benchmark."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import clients

HERE = os.path.dirname(os.path.realpath(__file__))
# Each way.
DELAY_MS = 20
READY_S = 120


class Servers:
    """URLs of what runs: those of the store by `store`, those of the API by `api`."""

    def __init__(self, top, venv):
        self.top, self.venv = top, venv
        self.processes, self.ports = {}, {}
        make_certificates(top)

    def store(self, way):
        """Where the objects are: `plain`, `tls`, `far` or `weed`."""
        if way == "weed":
            return f"http://127.0.0.1:{self.started('weed')}"
        self.started("nginx")
        port = self.ports["nginx-tls"] if way == "tls" else self.relayed(way, "nginx")
        return f"{'https' if way == 'tls' else 'http'}://127.0.0.1:{port}"

    def api(self, way, bucket, count):
        """Where the API tells of `count` objects of a bucket."""
        self.started("api")
        port = self.ports["api-tls"] if way == "tls" else self.relayed(way, "api")
        return f"{'https' if way == 'tls' else 'http'}://127.0.0.1:{port}/{bucket}/{count}/api/v2"

    def first_request(self):
        """When the API was first asked since the last look, by the monotonic clock; none if it was not."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.started('api')}/first") as answer:
            return json.load(answer)

    def relayed(self, way, name):
        return self.started(f"relay-{name}") if way == "far" else self.ports[name]

    def started(self, name):
        """The port of a server that answers."""
        if name not in self.processes:
            start = {"nginx": self.nginx, "api": self.recordings, "weed": self.weed}.get(name, self.relay)
            start(name)
        return self.ports[name]

    def nginx(self, name):
        port, tls = self.ports["nginx"], self.ports["nginx-tls"] = free_ports(2)
        write(f"{self.top}/nginx.conf", nginx_conf(self.top, port, tls))
        self.start(name, ["nginx", "-e", f"{self.top}/nginx.log", "-c", f"{self.top}/nginx.conf"], port)

    def recordings(self, name):
        port, self.ports["api-tls"] = free_ports(2)
        self.start(name, [sys.executable, f"{HERE}/api.py", self.top, str(port), str(self.ports["api-tls"])], port)

    def relay(self, name):
        program = f"{self.top}/relay"
        if not os.path.exists(program):
            subprocess.run(["cc", "-O2", f"{HERE}/relay.c", "-o", program], check=True)
        (port,) = free_ports(1)
        to = self.started(name.removeprefix("relay-"))
        self.start(name, [program, str(port), str(to), str(DELAY_MS)], port)

    def weed(self, name):
        """SeaweedFS, which checks signatures. Its S3 port opens before the parts behind it have found each other."""
        os.makedirs(f"{self.top}/weed", exist_ok=True)
        write(f"{self.top}/identities.json", json.dumps({"identities": [{
            "name": "bench", "actions": ["Admin"],
            "credentials": [{"accessKey": clients.KEY, "secretKey": clients.SECRET}]}]}))
        flags = ["s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
                 "filer.port", "filer.port.grpc"]
        ports = free_ports(len(flags))
        named = [word for flag, port in zip(flags, ports) for word in (f"-{flag}", str(port))]
        self.start(name, [
            f"{self.venv}/bin/weed", "-logdir", self.top, "server", "-dir", f"{self.top}/weed", "-ip", "127.0.0.1",
            "-ip.bind", "127.0.0.1", "-filer", "-s3", "-s3.iam=false", "-s3.port.iceberg", "0", "-s3.port.lance", "0",
            "-s3.config", f"{self.top}/identities.json", "-master.telemetry=false", "-volume.max", "100",
            "-master.volumeSizeLimitMB", "1024", *named], ports[0])

    def put_into_weed(self, bucket):
        """Uploads what nginx serves under the same name."""
        s5cmd = clients.s5cmd(self.venv, self.store("weed"), 16)
        environment = clients.environment(self.top)
        until = time.monotonic() + READY_S
        folder = f"{self.top}/www/{bucket}/"
        probe = [*s5cmd, "cp", f"{self.top}/objects/{bucket}", "s3://probe/"]
        for command in ([*s5cmd, "mb", "s3://probe"], probe, [*s5cmd, "mb", f"s3://{bucket}"]):
            while subprocess.run(command, env=environment, stderr=subprocess.DEVNULL).returncode != 0:
                self.look_after("weed", until)
        subprocess.run([*s5cmd, "cp", folder, f"s3://{bucket}/"], env=environment, check=True)

    def start(self, name, command, port):
        with open(f"{self.top}/{name}.out", "wb") as output:
            # In a session of its own: a key pressed to stop the benchmark shall not stop them in the midst of it.
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       start_new_session=True)
        self.processes[name], self.ports[name] = process, port
        until = time.monotonic() + READY_S
        while not answers(port):
            self.look_after(name, until)

    def look_after(self, name, until):
        """Waits a moment for a server that is not ready yet."""
        ended = self.processes[name].poll() is not None
        if ended or time.monotonic() > until:
            with open(f"{self.top}/{name}.out", errors="replace") as file:
                raise SystemExit(f"bench: {name} {'ended' if ended else 'is not ready'}: {file.read()[-2000:]}")
        time.sleep(0.1)

    def stop(self, *names):
        """Ends some servers, or all, and takes the data of SeaweedFS away."""
        names = names or tuple(self.processes)
        stopped = [self.processes.pop(name) for name in names if name in self.processes]
        for process in stopped:
            process.terminate()
        for process in stopped:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if "weed" in names:
            shutil.rmtree(f"{self.top}/weed", ignore_errors=True)


def make_certificates(top):
    """An authority of our own and a certificate for this machine; and one that recordings are sealed for, with its key."""
    request = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    name = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    quietly = {"check": True, "stderr": subprocess.DEVNULL, "cwd": top}
    subprocess.run([*request, "-x509", "-subj", "/CN=bench authority", "-keyout", "ca.key", "-out", "ca.pem"], **quietly)
    subprocess.run([*request, "-x509", "-subj", "/CN=bench", "-keyout", "key.pem", "-out", "certificate.pem"], **quietly)
    subprocess.run([*request, "-subj", "/CN=localhost", *name, "-keyout", "server.key", "-out", "server.csr"], **quietly)
    subprocess.run(["openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-copy_extensions", "copy", "-days", "30", "-out", "server.pem"], **quietly)


def nginx_conf(top, port, tls):
    """Objects by their paths, listings by the token they ask with; every small object is the same file."""
    user = "user root;" if os.getuid() == 0 else ""
    scratch = " ".join(f"{kind}_temp_path {top}/nginx-{kind};"
                       for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""
worker_processes 2; daemon off; pid {top}/nginx.pid; error_log {top}/nginx.log; {user}
events {{ worker_connections 8192; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000; {scratch}
  default_type application/octet-stream; open_file_cache max=200000 inactive=1h; open_file_cache_valid 1h;
  ssl_session_cache shared:s:10m; ssl_protocols TLSv1.2 TLSv1.3;
  map $args $page {{ default ""; "~continuation-token=(?<token>[0-9]+)" $token; "~list-type=2" 0; }}
  server {{
    listen 127.0.0.1:{port} reuseport backlog=4096; listen 127.0.0.1:{tls} ssl reuseport backlog=4096;
    ssl_certificate {top}/server.pem; ssl_certificate_key {top}/server.key;
    root {top}/www;
    location /small/ {{ rewrite ^ /small.bin break; }}
    location ~ ^/(?<bucket>[a-z0-9]+)/?$ {{
      if ($page = "") {{ return 200; }}
      default_type application/xml;
      rewrite ^ /_list/$bucket/$page.xml break;
    }}
  }}
}}
"""


def free_ports(count):
    """Ports nobody listens on, below those that the system gives to whoever asks for any."""
    held = []
    while len(held) < count:
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", random.randrange(12_000, 32_000)))
            held.append(listener)
        except OSError:
            listener.close()
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
