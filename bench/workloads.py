"""All workloads in their order, each with its clients at their best settings and what is aimed for."""

from clients import OURS
from copies import Again, Copy
from goals import Goal, goals, most
from local import Decrypt, Verify
from many import SIZES, Growth, Ledger
from workload import Client

FAR_SLOTS = 128
LARGE = 500_000_000


def peers(s5cmd, rclone, curl=None):
    """Ours and the others with so many connections. curl neither lists nor signs."""
    ours = [Client(OURS), Client("s5cmd", s5cmd), Client("rclone", rclone)]
    return ours + ([Client("curl", curl, is_peer=False)] if curl else [])


def all_workloads():
    voice, screen = "10,000 objects of 200 KB", "20 objects of 200 MB"
    far = [Client(OURS, FAR_SLOTS), *peers(256, 256, FAR_SLOTS)[1:]]
    return [
        Copy("voice", f"{voice}, HTTP", "voice", "plain", peers(8, 32, 32), goals(0.8, 0.75, 32)),
        Copy("voice-tls", f"{voice}, TLS", "voice", "tls", peers(8, 8, 8), goals(0.8, 0.85, 32)),
        Copy("voice-far", f"{voice}, 40 ms round trip", "voice", "far", far,
             [*goals(0.75, 0.85, 64), most("bound", 1.15)]),
        Copy("voice-disk", f"{voice}, to a disk; only rcbs flushes", "voice", "plain", peers(32, 32),
             goals(0.9, 1.0, 32), on_disk=True),
        Copy("weed", f"{voice}, SeaweedFS; rcbs checks MD5 ETags", "voice", "weed", peers(32, 32), goals(1.0, 1.2, 32)),
        Verify(goals(1.1, 1.1, 32)),
        Copy("screen", f"{screen}, HTTP", "screen", "plain", peers(2, 4, 2), goals(1.0, 1.25, 32)),
        Copy("screen-tls", f"{screen}, TLS", "screen", "tls", peers(8, 8, 8), goals(1.0, 1.25, 32)),
        Copy("screen-10", "20 objects of 10 MB, for the memory", "screen10", "plain", [Client(OURS)], [most("rss_mb", 32)]),
        Copy("screen-500", "2 objects of 500 MB, for the memory", "screen500", "plain", [Client(OURS)], [most("rss_mb", 32)]),
        Again(10_000, peers(32, 32), goals(0.5, 0.5, 48)),
        Again(100_000, peers(32, 32), [*goals(0.5, 0.5, 48), Goal("rss_mb", 1.2, "again-10000")]),
        Decrypt("decrypt-der", "open one file of 500 MB, DER", 1, LARGE, ["-aes256"], goals(0.25, 0.25, 16)),
        Decrypt("decrypt-ber", "open one file of 500 MB, BER", 1, LARGE, ["-stream", "-aes256"], goals(0.13, 0.13, 16)),
        Decrypt("decrypt-small", "open 200 files of 200 KB", 200, 200_000, ["-aes256"], goals(0.12, 0.12, 16)),
        *(Growth(count) for count in SIZES),
        Ledger([most("first_request_s", 2), most("status_s", 0.2), most("ledger_bytes", 600), most("rss_mb", 64)]),
    ]
