//! System calls for each recording: what the program asks of the kernel.

use std::collections::BTreeMap;

use crate::many;
use crate::stage::Stage;

/// Runs to compare: so many recordings.
const FEW: u64 = 100;
const MANY: u64 = 600;

/// Calls of one kind, and how many a recording may take on average. It is two files: the media and the metadata.
struct Group {
    name: &'static str,
    calls: &'static [&'static str],
    most: f64,
}

const GROUPS: &[Group] = &[
    Group {
        name: "opening",
        calls: &["open", "openat", "openat2", "creat"],
        most: 4.8,
    },
    Group {
        name: "closing",
        calls: &["close"],
        most: 4.0,
    },
    Group {
        name: "naming",
        calls: &["rename", "renameat", "renameat2", "link", "linkat"],
        most: 2.1,
    },
    Group {
        name: "making folders",
        calls: &["mkdir", "mkdirat"],
        most: 2.0,
    },
    Group {
        name: "looking",
        calls: &[
            "stat",
            "lstat",
            "fstat",
            "newfstatat",
            "statx",
            "access",
            "faccessat2",
            "getdents64",
            "readlink",
            "readlinkat",
        ],
        most: 0.5,
    },
    Group {
        name: "reading",
        calls: &["read", "readv", "pread64", "preadv", "recvfrom", "recvmsg"],
        most: 1.8,
    },
    // Half of it is the ledger's, and the more the quicker the disk is: fewer recordings share a transaction.
    Group {
        name: "writing",
        calls: &[
            "write",
            "writev",
            "pwrite64",
            "pwritev",
            "sendto",
            "sendmsg",
            "ftruncate",
        ],
        most: 10.0,
    },
    Group {
        name: "flushing",
        calls: &["fsync", "fdatasync", "syncfs", "msync", "sync_file_range"],
        most: 1.0,
    },
    Group {
        name: "connecting",
        calls: &["socket", "connect", "shutdown", "setsockopt", "getsockopt"],
        most: 2.0,
    },
    // How often threads wait for each other depends on what else the machine does: between 3 and 20.
    Group {
        name: WAITING,
        calls: &["futex", "epoll_wait", "epoll_pwait", "epoll_ctl"],
        most: 50.0,
    },
    Group {
        name: "memory",
        calls: &["mmap", "munmap", "mprotect", "madvise", "brk", "mremap"],
        most: 5.0,
    },
];

/// The same for all calls, known above or not, without those of waking and waiting.
const MOST_OF_WORK: f64 = 40.0;
const WAITING: &str = "waking and waiting";

/// The calls of a backup of so many recordings, by name, and their `total`.
fn counts(recordings: u64) -> BTreeMap<String, u64> {
    let stage = Stage::new(many(recordings));
    let table = stage.folder().join("counts");
    let wrapper = ["strace", "-f", "-c", "--seccomp-bpf", "-U", "calls,name"];
    stage
        .program(&["backup"])
        .under(wrapper)
        .under(["-o", table.to_str().unwrap()])
        .run()
        .expect_code(0);
    let table = std::fs::read_to_string(table).unwrap();
    let rows = table.lines().filter_map(|line| {
        let (count, name) = line.trim().split_once(' ')?;
        Some((name.trim().to_owned(), count.parse().ok()?))
    });
    rows.collect()
}

#[test]
fn a_small_media_file_takes_no_more_system_calls_than_it_needs() {
    let (few, many) = (counts(FEW), counts(MANY));
    let each = |call: &str| {
        let of =
            |counts: &BTreeMap<String, u64>| counts.get(call).map_or(0.0, |count| *count as f64);
        (of(&many) - of(&few)) / (MANY - FEW) as f64
    };
    let of = |group: &Group| group.calls.iter().map(|call| each(call)).sum::<f64>();
    let waiting: f64 = GROUPS
        .iter()
        .filter(|group| group.name == WAITING)
        .map(of)
        .sum();
    let work = ("all but waiting", each("total") - waiting, MOST_OF_WORK);
    let groups = GROUPS
        .iter()
        .map(|group| (group.name, of(group), group.most));
    let table: Vec<(&str, f64, f64)> = groups.chain([work]).collect();
    for (name, count, most) in &table {
        assert!(
            count <= most,
            "{name}: {count:.2} of {most}, among {table:.2?}"
        );
    }
    // Two files get their final names: the calls were counted.
    assert!(each("renameat") + each("renameat2") >= 2.0, "{many:?}");
}

#[test]
fn small_files_share_their_flushes() {
    const COUNT: u64 = 300;
    let counts = counts(COUNT);
    let sum = |name: &str| {
        let group = GROUPS.iter().find(|group| group.name == name).unwrap();
        let counts = group.calls.iter().filter_map(|call| counts.get(*call));
        counts.sum::<u64>()
    };
    // One by one, 600 files with their names and entries would take some 2,000; how many come together depends on how
    // fast the disk and the machine are.
    assert!((1..2 * COUNT).contains(&sum("flushing")), "{counts:?}");
    // One for each media file and each metadata file, and one for each writing of the exported end time.
    let names = sum("naming");
    assert!((2 * COUNT..2 * COUNT + 5).contains(&names), "{counts:?}");
}
