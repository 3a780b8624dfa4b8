#!/usr/bin/env python3
"""Times `rcbs decrypt` beside `openssl cms -decrypt` on the same files.

    bench/decrypt.py      a line for each kind of file: seconds, processor seconds, peak memory, and the ratios

Settings: ROUNDS (3), MEGABYTES (500), SMALL (200 files of 200 kB), RCBS (the program under test), WORK (a folder; /dev/shm).
Both take turns in every round, the first round warms up and does not count; the best of the others is shown. rcbs flushes
each clear file before it gets its name, openssl does not. On a tmpfs that costs nothing.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
LARGE = int(os.environ.get("MEGABYTES", "500")) * 1_000_000
SMALL = int(os.environ.get("SMALL", "200"))
RCBS = os.environ.get("RCBS", os.path.join(os.environ.get("CARGO_TARGET_DIR", TOP + "/target"), "release/rcbs"))


def measured(command):
    """Seconds, processor seconds and peak megabytes of a command that must succeed."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} ended with {process.returncode}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def openssl(files):
    """One process for each file, as the manual has it."""
    runs = [
        measured(["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", file, "-inkey", "key", "-out", "clear"])
        for file in files
    ]
    return sum(run[0] for run in runs), sum(run[1] for run in runs), max(run[2] for run in runs)


def rcbs(files):
    """One call for all, one file at a time."""
    shutil.rmtree("out", ignore_errors=True)
    return measured([RCBS, "decrypt", "--quiet", "--jobs", "1", "--key", "key", "--out", "out", *files])


def compare(name, files):
    rounds = [(openssl(files), rcbs(files)) for _ in range(ROUNDS + 1)][1:]
    theirs, ours = ([min(column) for column in zip(*side)] for side in zip(*rounds))
    print(
        f"{name:22} openssl {theirs[0]:6.2f} s {theirs[1]:6.2f} cpu {theirs[2]:6.0f} MB   "
        f"rcbs {ours[0]:6.2f} s {ours[1]:6.2f} cpu {ours[2]:6.1f} MB   "
        f"ratio {ours[0] / theirs[0]:.3f} wall {ours[1] / theirs[1]:.3f} cpu",
        flush=True,
    )


def media(name, size):
    """Begins like a screen recording, goes on with bytes that do not compress."""
    with open(TOP + "/crates/rcbs-sim/samples/desktop.mp4", "rb") as sample:
        head = sample.read()
    with open(name, "wb") as out:
        out.write(head)
        for left in range(size - len(head), 0, -(1 << 20)):
            out.write(os.urandom(min(left, 1 << 20)))


def seal(source, to, *options):
    command = ["openssl", "cms", "-encrypt", "-binary", "-outform", "DER", "-in", source, "-out", to, *options, "certificate"]
    subprocess.run(command, check=True)


def main():
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=os.environ.get("WORK", shared)) as folder:
        os.chdir(folder)
        request = "req -x509 -newkey rsa:2048 -nodes -subj /CN=bench -keyout key -out certificate"
        subprocess.run(["openssl", *request.split()], check=True, stderr=subprocess.DEVNULL)
        os.chmod("key", 0o600)
        media("large", LARGE)
        kinds = {"DER, AES-256-CBC": ["-aes256"], "BER, AES-256-CBC": ["-stream", "-aes256"], "DER, AES-256-GCM": ["-aes-256-gcm"]}
        for name, options in kinds.items():
            seal("large", "large.mp4.bin", *options)
            compare(name, ["large.mp4.bin"])
        os.remove("large")
        os.remove("large.mp4.bin")
        media("small", 200_000)
        files = [f"{number}.mp4.bin" for number in range(SMALL)]
        for file in files:
            seal("small", file, "-aes256")
        compare(f"{SMALL} small files", files)


if __name__ == "__main__":
    main()
