//! What needs another process: a second writer, a kill, a full disk, a call of the system that fails.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcbs_core::ports::{Target, TargetError};
use rcbs_io::target::{FolderTarget, Opening};

use super::{open, publication, publish, put, stage, staging};

#[test]
fn a_second_process_that_publishes_the_same_name_is_told_so() {
    let place = tempfile::tempdir().unwrap();
    let mut children: Vec<Child> = (0..4)
        .map(|index| child("publish", place.path(), &index.to_string()))
        .collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let outcome =
        |index: usize| std::fs::read_to_string(place.path().join(format!("{index}.told")));
    let mut outcomes: Vec<_> = (0..4).map(|index| outcome(index).unwrap()).collect();
    outcomes.sort();
    assert_eq!(outcomes, ["published", "taken", "taken", "taken"]);
    let found = std::fs::read_to_string(place.path().join("f/a.bin")).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_kill_before_publishing_leaves_staged_files_only() {
    let place = tempfile::tempdir().unwrap();
    let ready = place.path().join("ready");
    let root = place.path().join("target");
    let mut killed = child("stage and hang", &root, &ready.display().to_string());
    while !ready.exists() {
        assert!(killed.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(2));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let names: Vec<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [".rcbs"]);
    assert_eq!(staging(&root).len(), 2);

    block_on(async {
        let target = FolderTarget::open(&root, Opening::Existing).unwrap();
        target.sweep().await.unwrap();
    });
    assert_eq!(staging(&root).len(), 0);
}

/// Needs the right to mount a file system of its own; where that is refused there is nothing to fill.
#[test]
fn a_full_disk_is_told_and_leaves_nothing_partial() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().display();
    let mount = format!("mount -t tmpfs -o size=2m none '{root}' && exec \"$0\" \"$@\"");
    let in_own_mounts = |command: &str| {
        Command::new("unshare")
            .args(["--mount", "--map-root-user", "sh", "-c", command])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "faults::as_a_child", "--nocapture"])
            .envs([("RCBS_CHILD", "fill"), ("RCBS_ROOT", &root.to_string())])
            .env("RCBS_ARGUMENT", "")
            .stdout(Stdio::null())
            .status()
    };
    let may_mount = in_own_mounts(&mount.replace("exec", "true")).is_ok_and(|done| done.success());
    if may_mount {
        assert!(in_own_mounts(&mount).unwrap().success());
    }
}

/// One call of the system fails, and the archive must hold exactly what was promised for that.
#[test]
fn a_call_that_fails_costs_no_more_than_promised() {
    const EIO: &str = "error=EIO:when=1";
    let cases = [
        // (files, call, how it fails, call counted afterwards and how often, published, staged afterwards)
        // A failed flush is never repeated, and what it was for is given up.
        (2, "fdatasync", EIO, ("fdatasync", 1), 0, 0),
        (6, "syncfs", EIO, ("syncfs", 1), 0, 0),
        (1, "fsync", EIO, ("fsync", 1), 0, 0),
        (6, "syncfs", "error=EIO:when=2", ("syncfs", 2), 0, 0),
        (6, "syncfs", "error=ENOSPC:when=1", ("renameat2", 0), 0, 0),
        // A file system that cannot flush is used all the same.
        (2, "fdatasync", "error=EINVAL", ("fdatasync", 2), 2, 0),
        (1, "fsync", "error=EOPNOTSUPP", ("fsync", 3), 1, 0),
        (6, "syncfs", "error=ENOSYS", ("syncfs", 2), 6, 0),
        // Without a rename that refuses to replace, a link does it.
        (2, "renameat2", "error=EINVAL", ("linkat", 2), 2, 0),
        (6, "renameat2", "error=ENOSYS", ("linkat", 6), 6, 0),
        // Without one call for a path, a call for each of its parts.
        (6, "openat2", "error=ENOSYS", ("renameat2", 6), 6, 0),
        (6, "openat2", "error=EPERM", ("renameat2", 6), 6, 0),
        // What could not be named for lack of room stays staged and can be published later.
        (
            2,
            "renameat2",
            "error=ENOSPC:when=1",
            ("renameat2", 2),
            1,
            1,
        ),
        (2, "mkdirat", "error=EDQUOT:when=2", ("renameat2", 1), 1, 1),
        (6, "renameat2", "error=EROFS", ("renameat2", 6), 0, 6),
    ];
    let flushes_as_one = volume_flushes_as_one();
    for (files, call, how, (counted, wanted_calls), published, staged) in cases {
        if call == "syncfs" && !flushes_as_one {
            continue;
        }
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("target");
        drop(open(&root));
        let injected = format!("inject={call}:{how}");
        let Some(calls) = traced(&["-e", &injected], &root, files) else {
            return;
        };
        let case = format!("{files} files, {call} {how}");
        let count = calls.iter().filter(|name| *name == counted).count();
        assert_eq!(count, wanted_calls, "{case}: {calls:?}");
        assert_eq!(published_files(&root), published, "{case}");
        assert_eq!(staging(&root).len(), staged, "{case}");
    }
}

/// All bytes durable, then all names, then all names durable; and a flush for all together when there are many.
/// B1.
#[test]
fn names_come_after_their_bytes_and_before_the_answer() {
    // Opening the archive makes sure of the staging folder; 2018 is made with the first file.
    let one = "mkdirat fdatasync mkdirat mkdirat renameat2 fsync fsync fsync";
    let six = format!(
        "mkdirat syncfs mkdirat {} syncfs",
        ["mkdirat renameat2"; 6].join(" ")
    );
    let flushes_as_one = volume_flushes_as_one();
    for (files, wanted) in [(1, one), (6, &six)] {
        if files > 1 && !flushes_as_one {
            continue;
        }
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("target");
        drop(open(&root));
        let Some(calls) = traced(&[], &root, files) else {
            return;
        };
        let changes = calls.iter().filter(|name| *name != "openat2");
        let changes: Vec<_> = changes.map(String::as_str).collect();
        assert_eq!(changes.join(" "), wanted);
    }
}

/// Whether temporary folders lie where many files are flushed together, which not every file system is trusted with.
fn volume_flushes_as_one() -> bool {
    let place = tempfile::tempdir().unwrap();
    traced(&[], &place.path().join("target"), 6)
        .is_some_and(|calls| calls.iter().any(|name| name == "syncfs"))
}

/// The calls that change or flush something, in order, of a child that publishes this many files; `None` where the
/// tracer is missing or may not trace.
fn traced(options: &[&str], root: &Path, files: usize) -> Option<Vec<String>> {
    let log = root.with_file_name("trace");
    let status = Command::new("strace")
        .args(["-f", "-q", "-q", "-o"])
        .arg(&log)
        .args([
            "-e",
            "trace=fdatasync,fsync,syncfs,renameat2,renameat,linkat,mkdirat,openat2",
        ])
        .args(options)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "faults::as_a_child", "--nocapture"])
        .env("RCBS_CHILD", "publish many")
        .env("RCBS_ROOT", root)
        .env("RCBS_ARGUMENT", files.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let log = std::fs::read_to_string(log).ok()?;
    if log.is_empty() {
        return None;
    }
    assert!(status.success(), "{log}");
    // "<thread> <call>(...", without the second halves of calls that another thread's line cut in two.
    let name = |line: &str| {
        let (_, call) = line.split_once(' ')?;
        Some(call.trim_start().split_once('(')?.0.to_owned())
    };
    Some(log.lines().filter_map(name).collect())
}

/// Not a test: what the tests above start in processes of their own.
#[test]
fn as_a_child() {
    let Ok(role) = std::env::var("RCBS_CHILD") else {
        return;
    };
    let root = PathBuf::from(std::env::var("RCBS_ROOT").unwrap());
    let argument = std::env::var("RCBS_ARGUMENT").unwrap();
    block_on(async {
        let target = open(&root);
        match role.as_str() {
            "publish" => {
                let staged = put(&target, &argument, argument.as_bytes()).await;
                let batch = vec![publication(staged, &["f"], "a.bin")];
                let told = match target.publish(batch).await.remove(0) {
                    Ok(()) => "published",
                    Err(TargetError::Exists { .. }) => "taken",
                    Err(error) => panic!("{error}"),
                };
                std::fs::write(root.join(format!("{argument}.told")), told).unwrap();
            }
            "stage and hang" => {
                put(&target, "finished", b"finished").await;
                let mut unfinished = target.stage(&stage("unfinished")).await.unwrap();
                unfinished.write(vec![1; 3 << 20].into()).await.unwrap();
                std::fs::write(argument, "").unwrap();
                std::future::pending::<()>().await;
            }
            "publish many" => publish_many(&target, argument.parse().unwrap()).await,
            "fill" => fill(&target, &root).await,
            other => panic!("no such role: {other}"),
        }
    });
}

/// One file in each of so many new folders, as one batch.
async fn publish_many(target: &FolderTarget, files: usize) {
    let mut batch = Vec::new();
    for index in 0..files {
        let name = index.to_string();
        let staged = put(target, &name, b"bytes").await;
        batch.push(publication(staged, &["2018", &name], "a.bin"));
    }
    target.publish(batch).await;
}

/// On a disk of 2 MiB.
async fn fill(target: &FolderTarget, root: &Path) {
    assert!(target.disk_space().await.unwrap().total_bytes <= 2 << 20);
    publish(target, "small", &["f"], "small").await.unwrap();

    // Large: some of it is written, then the disk is full. What was written before stands.
    let mut file = target.stage(&stage("large")).await.unwrap();
    let mut held = 0;
    let full = loop {
        match file.write(vec![1; 300 << 10].into()).await {
            Ok(()) => held = file.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, TargetError::Full { .. }), "{full:?}");
    let len = file.len();
    assert!(len <= held);
    let on_disk = std::fs::metadata(root.join(".rcbs/staging").join(stage("large").as_str()));
    assert_eq!(on_disk.unwrap().len(), len);

    // Small: written at once or not at all.
    let mut small = target.stage(&stage("no room")).await.unwrap();
    let full = match small.write(vec![1; 1 << 20].into()).await {
        Ok(()) => small.finish().await.map(drop),
        Err(error) => {
            // Whoever holds it keeps its name from the next.
            drop(small);
            Err(error)
        }
    };
    assert!(matches!(full, Err(TargetError::Full { .. })), "{full:?}");
    assert_eq!(staging(root).len(), 1);

    // With room again it goes on.
    file.discard().await.unwrap();
    publish(target, "no room", &["f"], "later").await.unwrap();
    assert_eq!(std::fs::read_dir(root.join("f")).unwrap().count(), 2);
}

fn child(role: &str, root: &Path, argument: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::as_a_child", "--nocapture"])
        .env("RCBS_CHILD", role)
        .env("RCBS_ROOT", root)
        .env("RCBS_ARGUMENT", argument)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}

fn published_files(root: &Path) -> usize {
    let Ok(folders) = std::fs::read_dir(root.join("2018")) else {
        return 0;
    };
    folders
        .map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count())
        .sum()
}
