//! The ledger in SQLite: the promises of its port, and what only a file can show. Random histories are in `model.rs`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod history;
mod model;
mod samples;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use rcbs_core::contract;
use rcbs_core::ports::{
    EntryState, Ledger, LedgerError, MediaKey, Period, RecordingEntry, Settlement,
};
use rcbs_io::ledger::SqliteLedger;
use rusqlite::Connection;

use samples::{announcement, at, fill, metadata, place, verified};

#[tokio::test]
async fn a_ledger_file_keeps_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    contract::ledger::all(|| {
        count += 1;
        let path = folder.path().join(format!("{count}.db"));
        Box::new(SqliteLedger::open(&path).unwrap())
    })
    .await;
}

#[tokio::test]
async fn a_ledger_in_memory_keeps_the_promises() {
    contract::ledger::all(|| Box::new(SqliteLedger::open_in_memory().unwrap())).await;
}

#[tokio::test]
async fn everything_is_there_after_closing_and_opening() {
    let (_folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    let entries = fill(&ledger, 20).await;
    ledger.set_checkpoint(at(7)).await.unwrap();
    ledger.close().await.unwrap();
    let ledger = SqliteLedger::open(&path).unwrap();
    for entry in entries {
        assert_eq!(ledger.recording(&entry).await.unwrap().unwrap().id, entry);
    }
    assert_eq!(ledger.tally().await.unwrap().verified, 20);
    assert_eq!(ledger.checkpoint().await.unwrap(), Some(at(7)));
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn a_clean_stop_is_told_from_an_unclean_one() {
    let (_folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    assert_eq!(clean_stop(&path), 0);
    ledger.close().await.unwrap();
    assert_eq!(clean_stop(&path), 1);
    drop(SqliteLedger::open(&path).unwrap());
    assert_eq!(clean_stop(&path), 1, "dropped");
    // One file is left: it can be copied as it is.
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1
    );
}

#[test]
fn what_was_answered_survives_a_kill() {
    let (_folder, path) = place();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "as_a_child"])
            .env("RCBS_LEDGER", &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let answered = path.with_extension("answered");
        let count = || std::fs::read(&answered).map_or(0, |bytes| bytes.len());
        while count() < 20 * round {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let answered = count();
        block_on(async {
            let ledger = SqliteLedger::open(&path).unwrap();
            let tally = ledger.tally().await.unwrap();
            // The last one may have been killed between the commit and its note.
            assert!(
                tally.verified as usize == answered || tally.verified as usize == answered + 1,
                "{answered} answered, {tally:?}"
            );
            ledger.check().await.unwrap();
            // As if it had been killed as well: the next round must not be told of a clean stop.
            std::mem::forget(ledger);
        });
        assert_eq!(clean_stop(&path), 0);
    }
}

/// Not a test: the writer that is killed.
#[test]
fn as_a_child() {
    let Ok(path) = std::env::var("RCBS_LEDGER") else {
        return;
    };
    let path = PathBuf::from(path);
    let answered = path.with_extension("answered");
    block_on(async {
        let ledger = SqliteLedger::open(&path).unwrap();
        let begun = ledger.tally().await.unwrap().verified as usize;
        // What was committed but not noted in the last round.
        std::fs::write(&answered, vec![b'.'; begun]).unwrap();
        let mut answered = File::options().append(true).open(answered).unwrap();
        for index in begun.. {
            let batch = [announcement(index)];
            ledger.announce(&batch).await.unwrap();
            let settled = [verified(index), metadata(index)];
            ledger
                .settle(Timestamp::UNIX_EPOCH, &settled)
                .await
                .unwrap();
            answered.write_all(b".").unwrap();
        }
    });
}

/// G3.
#[tokio::test]
async fn damage_to_any_page_is_found() {
    let (folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    fill(&ledger, 300).await;
    ledger.close().await.unwrap();
    let unclean = path.with_extension("unclean");
    std::fs::copy(&path, &unclean).unwrap();
    set_clean_stop(&unclean, 0);
    let unused: u32 = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "freelist_count", |row| row.get(0))
        .unwrap();
    let pages = std::fs::read(&path).unwrap().len() / 4_096;
    assert!(pages > 30 && (unused as usize) < pages / 4);
    let damaged = folder.path().join("damaged.db");
    for source in [&path, &unclean] {
        let whole = std::fs::read(source).unwrap();
        let mut missed = 0;
        for page in 0..pages {
            let mut bytes = whole.clone();
            // The kind of the page: on the first one it stands behind the header of the file.
            bytes[page * 4_096 + if page == 0 { 100 } else { 0 }] ^= 0x40;
            std::fs::write(&damaged, bytes).unwrap();
            let found = match SqliteLedger::open(&damaged) {
                Ok(ledger) if source == &path => ledger.check().await,
                opened => opened.map(drop),
            };
            match found {
                Err(LedgerError::Damaged { .. }) => {}
                Ok(()) => missed += 1,
                Err(error) => panic!("page {page}: {error:?}"),
            }
        }
        assert!(missed <= unused, "{missed} missed, {unused} unused");
    }
}

/// G3.
#[tokio::test]
async fn a_flip_in_the_names_of_tables_and_columns_is_damage_or_does_no_harm() {
    let (folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    fill(&ledger, 3).await;
    ledger.close().await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    let page_bytes = 4_096;
    let describes = |page: &&[u8]| page.windows(7).any(|text| text == b"CREATE ");
    let pages: Vec<_> = (0_usize..)
        .zip(whole.chunks(page_bytes))
        .filter(|(_, page)| describes(page))
        .map(|(number, _)| number * page_bytes..(number + 1) * page_bytes)
        .collect();
    let flipped = folder.path().join("flipped.db");
    let mut found = 0;
    // Every eleventh byte: all of them take minutes.
    for place in pages.iter().cloned().flatten().step_by(11) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&flipped, bytes).unwrap();
        match use_of(&flipped).await {
            Ok(()) => {}
            Err(LedgerError::Damaged { .. } | LedgerError::Newer { .. }) => found += 1,
            Err(error) => panic!("byte {place}: {error:?}"),
        }
        for journal in ["flipped.db-wal", "flipped.db-shm"] {
            // Most of them are not there.
            drop(std::fs::remove_file(folder.path().join(journal)));
        }
    }
    assert!(pages.len() > 1 && found > 100, "{pages:?}: {found}");
}

/// What every command does with a ledger, and what a run writes.
async fn use_of(path: &Path) -> Result<(), LedgerError> {
    let ledger = SqliteLedger::open(path)?;
    ledger.check().await?;
    ledger.tally().await?;
    ledger.days(None).await?;
    ledger.listed().await?;
    ledger.checkpoint().await?;
    ledger.damaged(None, 10).await?;
    for held in ledger.recordings(None, 10).await? {
        ledger.history(&held.entry.id).await?;
    }
    ledger.announce(&[announcement(9)]).await?;
    let settled = [verified(9), metadata(9)];
    ledger.settle(at(0), &settled).await?;
    ledger.set_checkpoint(at(7)).await?;
    ledger.close().await
}

#[tokio::test]
async fn days_are_counted_while_a_run_enters_new_ones() {
    const DAYS: usize = 300;
    let (_folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    let reader = SqliteLedger::open_read_only(&path).unwrap();
    let write = async {
        for index in 0..DAYS {
            let mut first_of_day = announcement(index);
            first_of_day.start = Some(at(86_400 * index as i64));
            ledger.announce(&[first_of_day]).await.unwrap();
        }
    };
    let mut counts = Vec::new();
    let read = async {
        while counts.last() != Some(&DAYS) {
            counts.push(reader.days(None).await.unwrap().len());
        }
    };
    tokio::join!(write, read);
    assert!(counts.is_sorted() && counts.len() > 10, "{counts:?}");
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_left_as_it_is() {
    let (_folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    fill(&ledger, 50).await;
    ledger.close().await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    let foreign = path.with_file_name("foreign.db");
    let connection = Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(connection);
    let mut header = whole.clone();
    header[..16].copy_from_slice(b"something else!!");
    for bytes in [
        b"last_recording_endtime=1518462251000\n".repeat(100),
        vec![0; 8_192],
        whole[..whole.len() / 2].to_vec(),
        std::fs::read(&foreign).unwrap(),
        header,
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let refused = SqliteLedger::open(&path).err();
        assert!(
            matches!(refused, Some(LedgerError::Damaged { .. })),
            "{refused:?}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    // Cut off before anything was written: a new one.
    std::fs::write(&path, b"").unwrap();
    SqliteLedger::open(&path).unwrap();
    let folder = path.with_file_name("folder");
    std::fs::create_dir(&folder).unwrap();
    let refused = SqliteLedger::open(&folder).err();
    assert!(
        matches!(refused, Some(LedgerError::Failed { .. })),
        "{refused:?}"
    );
}

/// A11.
#[tokio::test]
async fn a_ledger_of_a_newer_version_is_refused() {
    let (_folder, path) = place();
    SqliteLedger::open(&path).unwrap().close().await.unwrap();
    let connection = Connection::open(&path).unwrap();
    let known: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    connection
        .pragma_update(None, "user_version", known + 7)
        .unwrap();
    drop(connection);
    for refused in [
        SqliteLedger::open(&path),
        SqliteLedger::open_read_only(&path),
    ] {
        let Some(LedgerError::Newer {
            found, known: told, ..
        }) = refused.err()
        else {
            panic!("opened");
        };
        assert_eq!((found, told), (known + 7, known));
    }
}

#[tokio::test]
async fn a_reader_sees_what_is_written_and_changes_nothing() {
    let (_folder, path) = place();
    let missing = SqliteLedger::open_read_only(&path).err();
    assert!(
        matches!(missing, Some(LedgerError::Failed { .. })),
        "{missing:?}"
    );
    assert!(!path.exists());

    let writer = SqliteLedger::open(&path).unwrap();
    let reader = SqliteLedger::open_read_only(&path).unwrap();
    fill(&writer, 3).await;
    assert_eq!(reader.tally().await.unwrap().verified, 3);
    let refused = [
        reader.announce(&[announcement(9)]).await.err(),
        reader.remember("a", Some("b")).await.err(),
        reader.set_checkpoint(at(1)).await.err(),
    ];
    for refused in refused {
        assert!(
            matches!(refused, Some(LedgerError::Failed { .. })),
            "{refused:?}"
        );
    }
    reader.close().await.unwrap();
    assert_eq!(clean_stop(&path), 0, "the writer is still at work");
    fill(&writer, 4).await;
    writer.close().await.unwrap();
    let reader = SqliteLedger::open_read_only(&path).unwrap();
    assert_eq!(reader.tally().await.unwrap().verified, 4);
}

#[tokio::test]
async fn a_reader_leaves_the_folder_as_it_was() {
    let (folder, path) = place();
    let writer = SqliteLedger::open(&path).unwrap();
    fill(&writer, 3).await;
    writer.close().await.unwrap();
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    let reader = SqliteLedger::open_read_only(&path).unwrap();
    assert_eq!(reader.tally().await.unwrap().verified, 3);
    assert!(reader.remember("a", Some("b")).await.is_err());
    reader.close().await.unwrap();
    assert_eq!(files().len(), 1);
    assert!(files() == before, "the file itself is another");
}

#[tokio::test]
async fn an_empty_file_is_an_empty_ledger_to_a_reader() {
    // What is left of a program that was killed before its first transaction, earlier and later.
    for journal in [false, true] {
        let (_folder, path) = place();
        std::fs::write(&path, "").unwrap();
        if journal {
            let connection = Connection::open(&path).unwrap();
            let set = connection.pragma_update(None, "journal_mode", "WAL");
            drop(set);
        }
        let before = std::fs::read(&path).unwrap();
        let reader = SqliteLedger::open_read_only(&path).unwrap();
        assert_eq!(reader.tally().await.unwrap().recordings, 0);
        assert_eq!(reader.last_run().await.unwrap(), None);
        assert!(reader.remember("a", Some("b")).await.is_err());
        reader.close().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn lost_media_are_found_page_by_page() {
    let (_folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    let batch: Vec<_> = (0..5).map(announcement).collect();
    let entries = ledger.announce(&batch).await.unwrap();
    let lost = |entry: &RecordingEntry| Settlement::Media {
        key: MediaKey {
            recording: entry.id.clone(),
            media: entry.media[0].0.clone(),
        },
        state: EntryState::Lost {
            reason: "gone".to_owned(),
            at: at(1),
        },
        recipients: Vec::new(),
    };
    let batch = [lost(&entries[0]), lost(&entries[2]), lost(&entries[4])];
    ledger.settle(Timestamp::UNIX_EPOCH, &batch).await.unwrap();
    let mut ids = Vec::new();
    while let Some(entry) = ledger.lost(ids.last(), 1).await.unwrap().pop() {
        ids.push(entry);
    }
    let ids: Vec<_> = ids.into_iter().map(|entry| entry.id).collect();
    assert_eq!(
        ids,
        [0, 2, 4].map(|number: usize| entries[number].id.clone())
    );
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_and_its_journals_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    fill(&ledger, 1).await;
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    assert_eq!(files, 3);
}

/// B18.
#[tokio::test]
async fn a_run_with_nothing_to_do_writes_nothing() {
    let (_folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    fill(&ledger, 200).await;
    let (whole, part) = (
        Period {
            since: at(0),
            until: at(100),
        },
        Period {
            since: at(10),
            until: at(20),
        },
    );
    ledger.note_listed(whole).await.unwrap();
    let watcher = Connection::open(&path).unwrap();
    let version = || -> i64 {
        watcher
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .unwrap()
    };
    let before = version();
    let mut batch: Vec<_> = (0..200).map(announcement).collect();
    for announced in &mut batch {
        announced.seen = at(9_999);
    }
    ledger.announce(&batch).await.unwrap();
    ledger.note_listed(whole).await.unwrap();
    ledger.note_listed(part).await.unwrap();
    assert_eq!(version(), before);
    ledger.remember("x", Some("y")).await.unwrap();
    assert_ne!(version(), before, "the watcher does see changes");
}

#[tokio::test]
async fn a_media_file_takes_at_most_600_bytes() {
    const COUNT: usize = 5_000;
    let (_folder, path) = place();
    let ledger = SqliteLedger::open(&path).unwrap();
    fill(&ledger, COUNT).await;
    ledger.close().await.unwrap();
    let bytes = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap() / COUNT;
    assert!(bytes <= 600, "{bytes} bytes");
}

fn clean_stop(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT value FROM meta WHERE name = 'clean_stop'";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn set_clean_stop(path: &Path, value: i64) {
    let connection = Connection::open(path).unwrap();
    let sql = "UPDATE meta SET value = ?1 WHERE name = 'clean_stop'";
    connection.execute(sql, [value]).unwrap();
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}
