"""Ours and the others: the command of each, in the fastest of its ways to do the work."""

import glob
import os

import recordings

KEY, SECRET = "bench", "benchbench"
OURS = "rcbs"


def environment(top):
    """Nothing of the caller's settings, and keys for everything."""
    return {
        "PATH": os.environ["PATH"], "HOME": top, "LANG": "C.UTF-8",
        "GWS_USERNAME": "bench", "GWS_PASSWORD": "bench",
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CA_BUNDLE": f"{top}/ca.pem", "SSL_CERT_FILE": f"{top}/ca.pem",
    }


def s5cmd(venv, url, slots):
    (program,) = glob.glob(f"{venv}/lib/python3*/site-packages/s5cmd/bin/s5cmd")
    return [program, "--endpoint-url", url, "--log", "error", "--numworkers", str(slots)]


def s5cmd_copy(site, out, slots):
    return s5cmd(site.venv, site.store, slots) + ["cp", f"s3://{site.bucket}/*", f"{out}/"]


def s5cmd_sync(site, out, slots):
    return s5cmd(site.venv, site.store, slots) + ["sync", "--size-only", f"s3://{site.bucket}/*", f"{out}/"]


def rclone(site, out, slots):
    """Without its MD5 check, without a request for the head of each object, without read-ahead."""
    remote = (f":s3,provider=Other,endpoint='{site.store}',env_auth=true,region=us-east-1,force_path_style=true,"
              f"list_version=2:{site.bucket}")
    return [f"{site.venv}/bin/rclone", "--config", os.devnull, "copy", remote, out, "--transfers", str(slots),
            "--checkers", "16", "--fast-list", "--size-only", "--use-server-modtime", "--s3-no-head-object",
            "--s3-no-check-bucket", "--buffer-size", "0", "--ignore-checksum", "--stats", "0", "-q",
            "--ca-cert", f"{site.top}/ca.pem"]


def curl(site, out, slots):
    """Is given a list of all objects: it neither lists nor signs."""
    with open(f"{site.top}/curl.list", "w") as file, open(f"{site.top}/objects/{site.bucket}") as objects:
        for line in objects:
            key = line.split()[0]
            file.write(f"url={site.store}/{site.bucket}/{key}\noutput={out}/{key}\n")
    return ["curl", "-qs", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", str(slots), "--create-dirs",
            "--cacert", f"{site.top}/ca.pem", "--config", f"{site.top}/curl.list"]


def rcbs(site, out, slots):
    """As a user runs it; `slots` only where they are bounded for the comparison."""
    return [site.rcbs, "backup", "--quiet", "--config", rcbs_config(site, out, slots)]


def rcbs_config(site, out, slots):
    oldest, newest = recordings.window(site.count)
    lines = [f"gwsUriPrefix={site.api}", f"awsEndpoint={site.store}", "awsRegion=us-east-1", f"targetDir={out}",
             f"maxDate={oldest}", f"minDate={newest}", f"caFile={site.top}/ca.pem"]
    if slots:
        lines.append(f"maxConnections={slots}")
    path = f"{site.top}/config.properties"
    with open(path, "w") as file:
        file.writelines(line + "\n" for line in lines)
    return path


COPY = {"s5cmd": s5cmd_copy, "rclone": rclone, "curl": curl, OURS: rcbs}
SYNC = {"s5cmd": s5cmd_sync, "rclone": rclone, OURS: rcbs}
