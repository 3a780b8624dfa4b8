"""Where the benchmark plays: folders, data, servers, and how large everything is."""

import os
import shutil
import subprocess
import tempfile
from typing import NamedTuple

import clients
import data
from cms import envelope
from servers import Servers

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
RESULTS = f"{TOP}/target/bench"
# What the largest of the workloads keeps at a time; those with a million recordings look for themselves.
MOST_BYTES, MOST_FILES = 7_500_000_000, 500_000


class Site(NamedTuple):
    """What a client has to know of the servers."""
    top: str
    venv: str
    rcbs: str
    bucket: str
    count: int
    store: str
    api: str


class Stage:
    """`top` is in memory, so that no disk is measured with the clients; `disk` is not."""

    def __init__(self, scale):
        self.scale = scale
        self.venv = f"{TOP}/target/venv"
        target = os.environ.get("CARGO_TARGET_DIR", f"{TOP}/target")
        self.rcbs = os.environ.get("RCBS", f"{target}/release/rcbs")
        os.makedirs(RESULTS, exist_ok=True)
        self.top = tempfile.mkdtemp(prefix="rcbs-bench.", dir=os.environ.get("WORK") or folder_in_memory(scale))
        self.disk = tempfile.mkdtemp(prefix="disk.", dir=os.environ.get("DISK", RESULTS))
        self.environment = clients.environment(self.top)
        self.servers = Servers(self.top, self.venv)
        self.made = {}
        with open(f"{self.top}/envelope.pem", "w") as file:
            file.write(envelope(f"{self.top}/certificate.pem"))

    def scaled(self, count, least=1):
        return max(int(count * self.scale), least)

    def site(self, bucket, count, way="plain", listed=None):
        """Of a bucket; `listed` is its name for clients that list, where it is another."""
        servers = self.servers
        return Site(self.top, self.venv, self.rcbs, listed or bucket, count, servers.store(way), servers.api(way, bucket, count))

    def objects(self, name):
        """Makes sure that the objects of a bucket are there; their number and bytes."""
        if name not in self.made:
            say(f"making {name}")
            make = {
                "voice": lambda: data.make_voice(self.top, self.scaled(10_000)),
                "screen": lambda: data.make_large(self.top, name, self.scaled(20, 2), 200_000_000),
                "screen10": lambda: data.make_large(self.top, name, 20, 10_000_000),
                "screen500": lambda: data.make_large(self.top, name, 2, 500_000_000),
            }.get(name, lambda: data.make_small(self.top, int(name.removeprefix("small"))))
            make()
            objects = data.objects_of(self.top, name)
            self.made[name] = len(objects), sum(one.size_bytes for one in objects)
        return self.made[name]

    def keep(self, names):
        """Takes away the objects that nobody needs any more."""
        for name in set(self.made) - set(names):
            for folder in (name, f"_list/{name}"):
                shutil.rmtree(f"{self.top}/www/{folder}", ignore_errors=True)
            del self.made[name]

    def has_room(self, size_bytes, files):
        """Whether so much fits into `top`."""
        return has_room(self.top, size_bytes, files)

    def close(self):
        self.servers.stop()
        shutil.rmtree(self.top, ignore_errors=True)
        shutil.rmtree(self.disk, ignore_errors=True)


def folder_in_memory(scale):
    """/dev/shm, or a folder on the disk where memory is too small: then the disk is measured with the clients."""
    if has_room("/dev/shm", MOST_BYTES * scale + 1_000_000_000, MOST_FILES):
        return "/dev/shm"
    say(f"/dev/shm has no room for {MOST_BYTES * scale / 1e9 + 1:.0f} GB: everything goes to {RESULTS}, on the disk")
    return RESULTS


def has_room(folder, size_bytes, files):
    """Whether so much fits, into memory too where the folder may lie in memory."""
    if not os.path.isdir(folder):
        return False
    here = os.statvfs(folder)
    room = min(here.f_bavail * here.f_frsize, available_bytes() - 2_000_000_000)
    return room > size_bytes and (here.f_files == 0 or here.f_favail > files)


def available_bytes():
    """Memory that could be had."""
    with open("/proc/meminfo") as file:
        known = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file}
    return known["MemAvailable"]


def said(command, environment=None):
    """What a command says that must succeed."""
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout


def say(text):
    print(f"bench: {text}", flush=True)
