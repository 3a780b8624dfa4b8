"""Workloads with up to a million recordings: how cost grows with their number, and what the ledger of all of them costs."""

import os
import time

import clients
from clients import OURS
from workload import Client, Missing, Workload, archive_is_wrong, backup, remove

SIZES = (1_000, 10_000, 100_000, 1_000_000)
# Of a recording with one small media file, on a tmpfs: a folder, two files of a page, their inodes.
RECORDING_BYTES, RECORDING_FILES = 14_500, 3


class Growth(Workload):
    """A backup of so many recordings with a media file of 1 KB each. What it brings over stays for the ledger."""

    needs = ("small1",)
    memory_mb = 2_048

    def __init__(self, count):
        super().__init__(f"growth-{count}", f"a backup of {count:,} recordings with 1 KB each", [Client(OURS)], [])
        self.full = count
        # The large ones take minutes.
        self.rounds = 1 if count > 100_000 else None

    def prepare(self, stage):
        self.stage = stage
        self.count = stage.scaled(self.full)
        self.out = archive_of(stage)
        remove(self.out)
        if not stage.has_room(self.count * RECORDING_BYTES, self.count * RECORDING_FILES * 102 // 100):
            raise Missing(f"{self.count * RECORDING_BYTES / 1e9:.0f} GB of memory and {self.count * RECORDING_FILES} inodes are wanted")
        stage.objects("small1")
        self.site = stage.site("small", self.count)

    def clear(self, client):
        remove(self.out)
        os.mkdir(self.out)

    def commands(self, client):
        return [clients.rcbs(self.site, self.out, None)]

    def figures(self, client, each):
        return {"objects": self.count, "mb": self.count * 1_024 / 1e6}

    def wrong(self, client):
        config = clients.rcbs_config(self.site, self.out, None)
        return archive_is_wrong(self.site.rcbs, config, self.stage.environment, self.count)


class Ledger(Workload):
    """What a ledger of a million media costs: until the first request of a run, for `status`, and on disk."""

    needs = ("small1",)

    def __init__(self, goals):
        super().__init__("ledger", "a ledger of 1,000,000 media: a run over an empty day, then `status`", [Client(OURS)], goals)

    def prepare(self, stage):
        self.stage, self.growth = stage, Growth(SIZES[-1])
        self.out = archive_of(stage)
        self.count = stage.scaled(SIZES[-1])
        self.site = stage.site("small", self.count)
        if not os.path.exists(self.out) or self.wrong(None):
            self.growth.prepare(stage)
            backup(self.site, self.out, stage.environment)

    def commands(self, client):
        """A run over a day without recordings, the one before the first, then `status`: no day between is left out."""
        config = clients.rcbs_config(self.site, self.out, None)
        empty = ["--since", "2023-12-31", "--until", "2024-01-01"]
        # Forgets who asked before.
        self.stage.servers.first_request()
        self.began = time.monotonic()
        return [[self.site.rcbs, "backup", "--quiet", "--config", config, *empty],
                [self.site.rcbs, "status", "--config", config]]

    def figures(self, client, each):
        first = self.stage.servers.first_request()
        ledger = f"{self.out}/.rcbs/ledger.db"
        size_bytes = sum(os.stat(path).st_size for path in (ledger, f"{ledger}-wal") if os.path.exists(path))
        return {"objects": self.count, "mb": size_bytes / 1e6, "ledger_bytes": size_bytes / self.count,
                "first_request_s": (first or float("inf")) - self.began, "status_s": each[-1].wall_s}

    def wrong(self, client):
        config = clients.rcbs_config(self.site, self.out, None)
        return archive_is_wrong(self.site.rcbs, config, self.stage.environment, self.count)

    def leave(self):
        remove(self.out)


def archive_of(stage):
    return f"{stage.top}/many"
