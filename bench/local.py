"""Workloads without a server: making clear files of sealed ones, and reading an archive over."""

import filecmp
import os
import subprocess

import clients
import stage as stages
from clients import OURS
from workload import Client, Workload, backup, remove

# Begins like a screen recording, so that rcbs takes it for what it is.
SAMPLE = f"{stages.TOP}/crates/rcbs-sim/samples/desktop.mp4"
BLOCK = 1 << 20


class Decrypt(Workload):
    """Sealed files, one after the other on one processor, beside a call of OpenSSL for each, as the manual has it."""

    def __init__(self, name, title, count, size_bytes, options, goals):
        super().__init__(name, title, [Client(OURS), Client("openssl cms")], goals)
        self.count, self.size_bytes, self.options = count, size_bytes, options

    def prepare(self, stage):
        self.top = f"{stage.top}/decrypt"
        os.mkdir(self.top)
        self.stage = stage
        # Small ones are fewer in a smaller benchmark, a large one is smaller.
        count = stage.scaled(self.count)
        size_bytes = self.size_bytes if self.count > 1 else stage.scaled(self.size_bytes)
        self.total_mb = count * size_bytes / 1e6
        self.memory_mb = int(self.total_mb * 4) + 256
        write_media(f"{self.top}/clear.mp4", size_bytes)
        self.files = [f"{self.top}/{number}.mp4.bin" for number in range(count)]
        seal = ["openssl", "cms", "-encrypt", "-binary", "-outform", "DER", "-in", f"{self.top}/clear.mp4", *self.options]
        for file in self.files:
            subprocess.run([*seal, "-out", file, f"{stage.top}/certificate.pem"], check=True)

    def clear(self, client):
        remove(f"{self.top}/out")
        os.mkdir(f"{self.top}/out")

    def clear_name(self, file):
        return f"{self.top}/out/{os.path.basename(file).removesuffix('.bin')}"

    def commands(self, client):
        key = f"{self.stage.top}/key.pem"
        if client.name == OURS:
            out = f"{self.top}/out"
            return [[self.stage.rcbs, "decrypt", "--quiet", "--jobs", "1", "--key", key, "--out", out, *self.files]]
        openssl = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-inkey", key]
        return [[*openssl, "-in", file, "-out", self.clear_name(file)] for file in self.files]

    def figures(self, client, each):
        return {"objects": len(self.files), "mb": self.total_mb}

    def wrong(self, client):
        clear = f"{self.top}/clear.mp4"
        for file in self.files:
            made = self.clear_name(file)
            if not os.path.exists(made) or not filecmp.cmp(clear, made, shallow=False):
                return f"{made} is not what was sealed"
        return None

    def leave(self):
        remove(self.top)


class Verify(Workload):
    """Every byte of an archive, beside `sha256sum` of the same files on as many processors."""

    needs = ("voice",)

    def __init__(self, goals):
        title = "verify every byte of the voice archive"
        super().__init__("verify", title, [Client(OURS), Client("sha256sum", os.cpu_count())], goals)

    def prepare(self, stage):
        count, _ = stage.objects("voice")
        self.out = f"{stage.top}/verify"
        self.site = stage.site("voice", count)
        backup(self.site, self.out, stage.environment)
        self.paths = [os.path.join(folder, name) for folder, _, names in os.walk(self.out)
                      if "/.rcbs" not in folder for name in names]
        self.total_mb = sum(os.stat(path).st_size for path in self.paths) / 1e6
        self.list = f"{stage.top}/verify.list"
        with open(self.list, "w") as file:
            file.write("\0".join(self.paths))

    def commands(self, client):
        if client.name == OURS:
            config = clients.rcbs_config(self.site, self.out, None)
            return [[self.site.rcbs, "verify", "--quiet", "--read-data", "--config", config]]
        return [["xargs", "-0", "-a", self.list, "-n", "200", "-P", str(client.slots), "sha256sum"]]

    def figures(self, client, each):
        return {"objects": len(self.paths), "mb": self.total_mb}

    def wrong(self, client):
        """Either ends with an error if a file is not as it should be, or not to be read."""
        return None

    def leave(self):
        remove(self.out)


def write_media(path, size_bytes):
    with open(SAMPLE, "rb") as sample, open(path, "wb") as out:
        out.write(sample.read())
        for left in range(size_bytes - out.tell(), 0, -BLOCK):
            out.write(os.urandom(min(left, BLOCK)))
