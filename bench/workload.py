"""One thing to do, by ours and by others, and how to see that it was done."""

import json
import os
import shutil
import subprocess
from typing import NamedTuple, Optional

import clients
import stage


class Client(NamedTuple):
    """How somebody does it. One that is no peer is told but not compared with, as it does not do the whole work."""
    name: str
    slots: Optional[int] = None
    is_peer: bool = True

    def label(self):
        return f"{self.name} @{self.slots}" if self.slots else self.name


class Workload:
    """The order of calls: `prepare`, then for each run `clear`, `commands`, `figures`, `wrong`; at last `leave`."""

    # What it needs of `Stage.objects`; kept until the last workload that needs it.
    needs = ()
    # What a run writes and reads, roughly, which is touched before it.
    memory_mb = 256
    # How many rounds, where it is not the usual number.
    rounds = None

    def __init__(self, name, title, clients, goals):
        self.name, self.title, self.clients, self.goals = name, title, clients, goals

    def prepare(self, stage):
        """Makes data and starts servers. What stands against running is told by `Missing`."""

    def clear(self, client):
        """The state before every run."""

    def commands(self, client):
        raise NotImplementedError

    def figures(self, client, each):
        """More of them than are measured anyway; `each` is what was measured of each command."""
        return {}

    def wrong(self, client):
        """Why the work was not done, or none."""
        raise NotImplementedError

    def leave(self):
        """Takes away what was made."""


class Missing(Exception):
    """A workload cannot run here; why."""


def archive_is_wrong(rcbs, config, environment, count):
    """Why an archive is not what it must be: `count` verified media and nothing open. Asks like a user."""
    command = [rcbs, "status", "--json", "--config", config]
    status = json.loads(stage.said(command, environment))
    found = {name: status[name] for name in ("recordings", "verified", "announced", "waiting", "lost")}
    wanted = {"recordings": count, "verified": count, "announced": 0, "waiting": 0, "lost": 0}
    return None if found == wanted else f"status says {found}"


def files_below(folder):
    """Number and bytes of the media below a folder, without what rcbs keeps for itself."""
    count = size = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".rcbs"]
        for name in names:
            if name.endswith(".bin"):
                count += 1
                size += os.stat(os.path.join(place, name)).st_size
    return count, size


def backup(site, out, environment):
    """A backup that is not measured."""
    os.makedirs(out, exist_ok=True)
    subprocess.run(clients.rcbs(site, out, None), env=environment, check=True)


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
