"""What the figures were measured on, and with."""

import datetime
import os
import platform
import subprocess

import clients
from stage import TOP


def about(stage):
    """Kept with the results of each workload."""
    return {
        "date": datetime.date.today().isoformat(), "commit": commit(), "scale": stage.scale,
        "machine": f"{os.cpu_count()} processors ({processor()}), {memory_gib()} GiB",
        "system": f"{distribution()}, Linux {platform.release()}",
        "folders": f"{file_system(stage.top)} in memory, {file_system(stage.disk)} on disk",
        "versions": versions(stage),
    }


def commit():
    """With a mark when something was changed since; nothing is known of a program that was given."""
    if "RCBS" in os.environ:
        return "unknown (RCBS was set)"
    git = ["git", "-C", TOP]
    name = output([*git, "rev-parse", "--short=12", "HEAD"])
    changed = output([*git, "status", "--porcelain", "--untracked-files=no", "--", "crates", "Cargo.toml", "Cargo.lock"])
    return f"{name} (changed)" if changed else name


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30


def distribution():
    return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")


def file_system(folder):
    # Of several that are mounted there, the last one is seen.
    return output(["findmnt", "-n", "-o", "FSTYPE", "-T", folder]).split("\n")[-1]


def versions(stage):
    said = {
        "rcbs": output([stage.rcbs, "--version"]),
        "s5cmd": output([clients.s5cmd(stage.venv, "", 1)[0], "version"]),
        "rclone": output([f"{stage.venv}/bin/rclone", "version"]),
        "curl": output(["curl", "--version"]),
        "openssl": output(["openssl", "version"]),
        "sha256sum": output(["sha256sum", "--version"]),
        "nginx": output(["nginx", "-v"]),
        "SeaweedFS": output([f"{stage.venv}/bin/weed", "version"]),
    }
    return {name: version(text) for name, text in said.items()}


def version(text):
    """The first word of the first line that looks like one."""
    words = text.replace("/", " ").replace("-", " ").split("\n")[0].split()
    return next((word for word in words if any(sign.isdigit() for sign in word) and "." in word), "?")


def output(command):
    """What a command says, on either channel; a question mark where it is not there."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return "?"
    return done.stdout.strip()
