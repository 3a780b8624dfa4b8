"""Workloads that bring objects over: into an empty folder, or into one that has them all."""

import os

import clients
import data
from clients import COPY, OURS, SYNC
from servers import DELAY_MS
from workload import Workload, archive_is_wrong, backup, files_below, remove


class Copy(Workload):
    """Everything in a bucket, into an empty folder."""

    def __init__(self, name, title, bucket, way, clients, goals, on_disk=False):
        super().__init__(name, title, clients, goals)
        self.bucket, self.way, self.on_disk = bucket, way, on_disk
        self.needs = (bucket,)

    def prepare(self, stage):
        self.stage = stage
        self.count, self.size_bytes = stage.objects(self.bucket)
        self.memory_mb = self.size_bytes * 3 // 2_000_000 + 512
        if self.way == "weed":
            stage.servers.put_into_weed(self.bucket)
        self.site = stage.site(self.bucket, self.count, self.way)
        self.place = stage.disk if self.on_disk else stage.top
        self.out = f"{self.place}/out"
        self.aside = 0

    def clear(self, client):
        if self.on_disk:
            self.set_aside()
        else:
            remove(self.out)
        os.mkdir(self.out)

    def set_aside(self):
        """ext4 searches past the inodes of files deleted in the last minutes, which makes creating files several times
        slower. So files are emptied and kept until the end."""
        if os.path.exists(self.out):
            self.aside += 1
            os.rename(self.out, f"{self.place}/aside-{self.aside}")
            for folder, _, names in os.walk(f"{self.place}/aside-{self.aside}"):
                for name in names:
                    os.truncate(os.path.join(folder, name), 0)
        os.sync()

    def commands(self, client):
        return [COPY[client.name](self.site, self.out, client.slots)]

    def figures(self, client, each):
        told = {"objects": self.count, "mb": self.size_bytes / 1e6}
        if self.way == "far" and client.slots:
            # A round trip for each object, so many of them at once.
            bound_s = self.count * 2 * DELAY_MS / 1_000 / client.slots
            told["bound"] = each[0].wall_s / bound_s
        return told

    def wrong(self, client):
        count, size_bytes = files_below(self.out)
        # rcbs puts an envelope around each object.
        whole = size_bytes > self.size_bytes if client.name == OURS else size_bytes == self.size_bytes
        if count != self.count or not whole:
            return f"{count} files of {size_bytes} bytes are there"
        if client.name != OURS:
            return None
        config = clients.rcbs_config(self.site, self.out, None)
        return archive_is_wrong(self.site.rcbs, config, self.stage.environment, self.count)

    def leave(self):
        remove(self.out)
        for number in range(1, self.aside + 1):
            remove(f"{self.place}/aside-{number}")
        if self.way == "weed":
            self.stage.servers.stop("weed")


class Again(Workload):
    """Everything is there already: small objects, so that only looking counts."""

    memory_mb = 2_048

    def __init__(self, count, clients, goals):
        super().__init__(f"again-{count}", f"a run with nothing to do, {count:,} recordings in place", clients, goals)
        self.full = count

    def prepare(self, stage):
        self.stage = stage
        self.count = stage.scaled(self.full)
        listed = f"small{self.count}"
        stage.objects(listed)
        self.site = stage.site("small", self.count, listed=listed)
        self.outs = {client.name: f"{stage.top}/again-{client.name}" for client in self.clients}
        for name, out in self.outs.items():
            if name == OURS:
                backup(self.site, out, stage.environment)
            else:
                self.fill(out)

    def fill(self, out):
        """What the client would have copied."""
        content = data.small_bytes()
        for index in range(self.count):
            path = f"{out}/{data.key_of(index)}"
            if index % 500 == 0:
                os.makedirs(os.path.dirname(path))
            with open(path, "wb") as file:
                file.write(content)

    def commands(self, client):
        return [SYNC[client.name](self.site, self.outs[client.name], client.slots)]

    def figures(self, client, each):
        return {"objects": self.count, "mb": self.count * data.SMALL_BYTES / 1e6}

    def wrong(self, client):
        count, _ = files_below(self.outs[client.name])
        if count != self.count:
            return f"{count} files are there"
        if client.name != OURS:
            return None
        config = clients.rcbs_config(self.site, self.outs[OURS], None)
        return archive_is_wrong(self.site.rcbs, config, self.stage.environment, self.count)

    def leave(self):
        for out in self.outs.values():
            remove(out)
