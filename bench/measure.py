"""Times commands: wall, processor time of the client alone, the most memory it had."""

import os
import signal
import subprocess
import threading
import time
from typing import NamedTuple

from stage import available_bytes

# A client that takes longer is stopped.
LIMIT_S = 3_600


class Figures(NamedTuple):
    wall_s: float
    user_s: float
    system_s: float
    # Of the largest process, in 10^6 bytes.
    rss_mb: float
    code: int


def measure(commands, environment, said, timings):
    """Runs commands one after the other until one fails; what they say goes to the file `said`. `timings` is scratch."""
    each = []
    with open(said, "wb") as output:
        for command in commands:
            each.append(measure_one(command, environment, output, timings))
            if each[-1].code != 0:
                break
    return each


def together(each):
    """Of all commands: sums of times, the largest memory, how the last one ended."""
    walls, users, systems, memories, codes = zip(*each)
    return Figures(sum(walls), sum(users), sum(systems), max(memories), codes[-1])


def measure_one(command, environment, output, timings):
    # A child begins with the peak memory of whoever started it, which is why the small `time` does that. It counts
    # processor time in hundredths only, so that is asked of the system; its own is a millisecond.
    wrapped = ["/usr/bin/time", "-q", "-o", timings, "-f", "%M", *command]
    began = time.monotonic()
    process = subprocess.Popen(wrapped, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                               start_new_session=True)
    alarm = threading.Timer(LIMIT_S, os.killpg, (process.pid, signal.SIGKILL))
    alarm.daemon = True
    alarm.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        alarm.cancel()
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    with open(timings) as file:
        rss_kib = int((file.read().split() or ["0"])[-1])
    return Figures(wall_s, used.ru_utime, used.ru_stime, rss_kib * 1024 / 1e6, process.returncode)


def touch_memory(size_mb):
    """A virtual machine may have given memory back to its host; the first to touch it then waits ten times as long."""
    size_mb = min(size_mb, (available_bytes() - 2_000_000_000) // 1_000_000)
    if size_mb > 0:
        command = ["dd", "if=/dev/zero", "of=/dev/null", f"bs={size_mb}M", "count=1", "iflag=fullblock"]
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
