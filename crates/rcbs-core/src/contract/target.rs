//! The promises of [`crate::ports::Target`] as tests for every implementation.
//!
//! What only a power cut, a full disk or a planted link can show is tested where such things can be arranged.

use bytes::Bytes;

use crate::ports::{
    FileFact, Publication, PublishMode, StageName, Staged, StagedFile, Target, TargetError,
};
use crate::recording::{MediaId, RecordingId};
use crate::store::{Folder, SafeName, stage_name};

/// Lengths around every limit an implementation is likely to have.
const LENGTHS_BYTES: [usize; 8] = [
    0,
    1,
    4_096,
    200_000,
    (1 << 20) - 1,
    1 << 20,
    (1 << 20) + 1,
    3_000_000,
];

/// Every promise, each on a fresh and empty target.
///
/// # Panics
/// Where a promise is broken.
pub async fn all(mut fresh: impl FnMut() -> Box<dyn Target>) {
    published_bytes_are_the_written_ones(&*fresh()).await;
    nothing_is_seen_before_it_is_published(&*fresh()).await;
    a_new_name_never_replaces_a_file(&*fresh()).await;
    a_replacement_takes_the_place_of_what_is_there(&*fresh()).await;
    each_publication_has_its_own_result(&*fresh()).await;
    a_large_batch_is_published_whole(&*fresh()).await;
    what_was_never_staged_is_not_published(&*fresh()).await;
    folders_are_listed_each_for_itself(&*fresh()).await;
    files_are_read_in_parts(&*fresh()).await;
    a_staged_file_begins_empty(&*fresh()).await;
    a_restarted_file_holds_only_what_came_after(&*fresh()).await;
    what_was_swept_is_not_published(&*fresh()).await;
    a_quarantined_name_is_free_again(&*fresh()).await;
    notes_are_replaced_whole(&*fresh()).await;
    free_space_is_told(&*fresh()).await;
}

/// Bytes of any length, written in any pieces, are published as they are.
///
/// # Panics
/// Where the promise is broken.
pub async fn published_bytes_are_the_written_ones(target: &dyn Target) {
    for (index, len) in LENGTHS_BYTES.into_iter().enumerate() {
        for piece_bytes in [1_000, 16_384, 3_000_000] {
            let bytes = pattern(len);
            let name = stage(&format!("recording-{index}-{piece_bytes}"));
            let mut file = target.stage(&name).await.expect("stages");
            for piece in bytes.chunks(piece_bytes) {
                let piece = Bytes::copy_from_slice(piece);
                file.write(piece).await.expect("writes");
            }
            assert_eq!(file.len(), len as u64, "written");
            assert_eq!(file.is_empty(), len == 0);
            let staged = file.finish().await.expect("finishes");
            assert_eq!(staged.name, name);
            assert_eq!(staged.len_bytes, len as u64, "staged");
            let at = folder(&["2018", "02", &format!("r{index}-{piece_bytes}")]);
            publish_one(target, staged, &at, "a.bin")
                .await
                .expect("publishes");
            assert_eq!(read_all(target, &at, "a.bin").await, Some(bytes));
        }
    }
}

/// A staged file has no name in the archive.
///
/// # Panics
/// Where the promise is broken.
pub async fn nothing_is_seen_before_it_is_published(target: &dyn Target) {
    let staged = put(target, "r1", b"bytes").await;
    assert_eq!(
        target.folders(&Folder::top()).await.expect("lists"),
        [""; 0]
    );
    assert_eq!(list(target, &Folder::top()).await, []);
    publish_one(target, staged, &folder(&["f"]), "a.bin")
        .await
        .expect("publishes");
    assert_eq!(target.folders(&Folder::top()).await.expect("lists"), ["f"]);
}

/// [`PublishMode::New`] answers [`TargetError::Exists`] and leaves the file as it is; the staged bytes are gone.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_new_name_never_replaces_a_file(target: &dyn Target) {
    let at = folder(&["f"]);
    let first = put(target, "r1", b"first").await;
    publish_one(target, first, &at, "a.bin")
        .await
        .expect("publishes");
    let second = put(target, "r2", b"second").await;
    let refused = publish_one(target, second.clone(), &at, "a.bin").await;
    assert!(
        matches!(refused, Err(TargetError::Exists { .. })),
        "{refused:?}"
    );
    let stands = read_all(target, &at, "a.bin").await;
    assert_eq!(stands.as_deref(), Some(&b"first"[..]));
    assert!(publish_one(target, second, &at, "b.bin").await.is_err());
}

/// [`PublishMode::Replace`] gives the name to the new bytes, whether or not something had it.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_replacement_takes_the_place_of_what_is_there(target: &dyn Target) {
    let at = folder(&["f"]);
    for text in ["one", "another, longer", "2"] {
        let staged = put(target, text, text.as_bytes()).await;
        let publication = Publication {
            staged,
            folder: at.clone(),
            name: SafeName::encode("r.json"),
            mode: PublishMode::Replace,
            sha256: None,
        };
        assert_all_ok(&target.publish(vec![publication]).await);
        let stands = read_all(target, &at, "r.json").await;
        assert_eq!(stands.as_deref(), Some(text.as_bytes()));
    }
    assert_eq!(list(target, &at).await.len(), 1);
}

/// The results are in the order of the batch, one name that is taken does not stop the others, and the first of two
/// publications under one name wins.
///
/// # Panics
/// Where the promise is broken.
pub async fn each_publication_has_its_own_result(target: &dyn Target) {
    assert!(target.publish(Vec::new()).await.is_empty());
    let at = folder(&["f"]);
    let taken = put(target, "r0", b"taken").await;
    publish_one(target, taken, &at, "taken")
        .await
        .expect("publishes");
    let mut batch = Vec::new();
    for (stage, name) in [("r1", "a"), ("r2", "taken"), ("r3", "b"), ("r4", "b")] {
        let staged = put(target, stage, stage.as_bytes()).await;
        batch.push(new(staged, &at, name));
    }
    let results = target.publish(batch).await;
    let told: Vec<&str> = results
        .iter()
        .map(|result| match result {
            Ok(()) => "ok",
            Err(TargetError::Exists { .. }) => "exists",
            Err(_) => "other",
        })
        .collect();
    assert_eq!(told, ["ok", "exists", "ok", "exists"], "{results:?}");
    let first = read_all(target, &at, "b").await;
    assert_eq!(first.as_deref(), Some(&b"r3"[..]));
}

/// Batches above every threshold: many files, many new folders.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_large_batch_is_published_whole(target: &dyn Target) {
    let mut batch = Vec::new();
    for index in 0..60 {
        let hour = format!("{:02}", index / 10);
        let at = folder(&["2018", "02", "12", &hour, &format!("r{index}")]);
        for name in ["a.bin", "r.json"] {
            let text = format!("{index} {name}");
            let staged = put(target, &text, text.as_bytes()).await;
            batch.push(new(staged, &at, name));
        }
    }
    let wanted: Vec<_> = batch.iter().map(|it| it.folder.clone()).collect();
    assert_all_ok(&target.publish(batch).await);
    for (index, at) in wanted.iter().enumerate().step_by(2) {
        let stands = read_all(target, at, "a.bin").await.expect("is there");
        assert_eq!(stands, format!("{} a.bin", index / 2).into_bytes());
        assert_eq!(list(target, at).await.len(), 2);
    }
}

/// A publication of something that is not staged fails and leaves no name.
///
/// # Panics
/// Where the promise is broken.
pub async fn what_was_never_staged_is_not_published(target: &dyn Target) {
    for others in [0, 10] {
        let at = folder(&[&format!("f{others}")]);
        let absent = Staged {
            name: stage("absent"),
            len_bytes: 5,
        };
        let mut batch = vec![new(absent, &at, "a.bin")];
        for index in 0..others {
            let staged = put(target, &format!("r{index}"), b"bytes").await;
            batch.push(new(staged, &folder(&["other", &index.to_string()]), "a"));
        }
        let results = target.publish(batch).await;
        assert!(results[0].is_err());
        assert_all_ok(&results[1..]);
        assert_eq!(list(target, &at).await, []);
    }
}

/// One answer for each folder asked for, in order, empty where there is no folder; folders inside folders by name.
///
/// # Panics
/// Where the promise is broken.
pub async fn folders_are_listed_each_for_itself(target: &dyn Target) {
    let (one, two, absent) = (folder(&["d", "1"]), folder(&["d", "2"]), folder(&["e"]));
    for (at, name, text) in [(&one, "a", "1"), (&one, "b", "22"), (&two, "c", "")] {
        let staged = put(target, name, text.as_bytes()).await;
        publish_one(target, staged, at, name)
            .await
            .expect("publishes");
    }
    let asked = [two.clone(), absent.clone(), one.clone(), two];
    let mut listed = target.list(&asked).await.expect("lists");
    listed
        .iter_mut()
        .for_each(|files| files.sort_by(|a, b| a.name.cmp(&b.name)));
    let fact = |name: &str, len_bytes| FileFact {
        name: name.to_owned(),
        len_bytes,
    };
    let of_two = vec![fact("c", 0)];
    assert_eq!(
        listed,
        [
            of_two.clone(),
            vec![],
            vec![fact("a", 1), fact("b", 2)],
            of_two
        ]
    );
    assert_eq!(target.list(&[]).await.expect("lists"), [[]; 0]);

    let mut inside = target.folders(&folder(&["d"])).await.expect("lists");
    inside.sort();
    assert_eq!(inside, ["1", "2"]);
    assert_eq!(target.folders(&one).await.expect("lists"), [""; 0]);
    assert_eq!(target.folders(&absent).await.expect("lists"), [""; 0]);
    assert_eq!(target.folders(&Folder::top()).await.expect("lists"), ["d"]);
}

/// Reading begins where asked, is as long as asked, shorter at the end, and `None` only without a file.
///
/// # Panics
/// Where the promise is broken.
pub async fn files_are_read_in_parts(target: &dyn Target) {
    let at = folder(&["f"]);
    let staged = put(target, "r1", b"0123456789").await;
    publish_one(target, staged, &at, "a")
        .await
        .expect("publishes");
    for (from, limit_bytes, wanted) in [
        (0, 4, &b"0123"[..]),
        (8, 4, b"89"),
        (10, 4, b""),
        (u64::MAX, 4, b""),
        (3, 0, b""),
        (0, usize::MAX, b"0123456789"),
    ] {
        let name = SafeName::encode("a");
        let read = target.read(&at, &name, from, limit_bytes).await;
        assert_eq!(
            read.expect("reads").as_deref(),
            Some(wanted),
            "{limit_bytes} bytes from {from}"
        );
    }
    for (at, name) in [(&at, "b"), (&folder(&["g"]), "a")] {
        let read = target.read(at, &SafeName::encode(name), 0, 4).await;
        assert_eq!(read.expect("reads"), None);
    }
}

/// Whatever became of the last file of that name: published, discarded, dropped without a word, or finished and never
/// published.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_staged_file_begins_empty(target: &dyn Target) {
    let at = folder(&["f"]);
    for len in [0, 10, 2_000_000] {
        for ended_by in ["publish", "discard", "drop", "finish"] {
            let name = stage(&format!("r-{len}-{ended_by}"));
            let mut file = target.stage(&name).await.expect("stages");
            file.write(pattern(len).into()).await.expect("writes");
            match ended_by {
                "discard" => file.discard().await.expect("discards"),
                "drop" => drop(file),
                _ => {
                    let staged = file.finish().await.expect("finishes");
                    if ended_by == "publish" {
                        let published = publish_one(target, staged, &at, &len.to_string()).await;
                        published.expect("publishes");
                    }
                }
            }
            let mut file = target.stage(&name).await.expect("stages");
            assert!(file.is_empty(), "{ended_by}");
            let new = Bytes::from_static(b"new");
            file.write(new).await.expect("writes");
            let staged = file.finish().await.expect("finishes");
            let published = format!("{len}-{ended_by}");
            publish_one(target, staged, &at, &published)
                .await
                .expect("publishes");
            let stands = read_all(target, &at, &published).await;
            assert_eq!(stands.as_deref(), Some(&b"new"[..]));
        }
    }
}

/// [`StagedFile::restart`] forgets what is in memory and what is on disk.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_restarted_file_holds_only_what_came_after(target: &dyn Target) {
    for len in [0, 10, 2_000_000] {
        let name = stage(&format!("r{len}"));
        let mut file = target.stage(&name).await.expect("stages");
        file.write(pattern(len).into()).await.expect("writes");
        file.restart().await.expect("restarts");
        assert!(file.is_empty());
        file.write(Bytes::from_static(b"anew"))
            .await
            .expect("writes");
        assert_eq!(file.len(), 4);
        let staged = file.finish().await.expect("finishes");
        let at = folder(&["f"]);
        publish_one(target, staged, &at, &len.to_string())
            .await
            .expect("publishes");
        let stands = read_all(target, &at, &len.to_string()).await;
        assert_eq!(stands.as_deref(), Some(&b"anew"[..]));
    }
}

/// [`Target::sweep`] removes every staged file, finished or not, and no published one.
///
/// # Panics
/// Where the promise is broken.
pub async fn what_was_swept_is_not_published(target: &dyn Target) {
    let at = folder(&["f"]);
    target.sweep().await.expect("nothing to sweep");
    let published = put(target, "r1", b"bytes").await;
    publish_one(target, published, &at, "a")
        .await
        .expect("publishes");
    let swept = put(target, "r2", b"bytes").await;
    target.sweep().await.expect("sweeps");
    assert!(publish_one(target, swept, &at, "b").await.is_err());
    let names: Vec<_> = list(target, &at)
        .await
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(names, ["a"]);
}

/// [`Target::quarantine`] frees the name as often as it is asked to, and a name that is free already stays free.
///
/// # Panics
/// Where the promise is broken.
pub async fn a_quarantined_name_is_free_again(target: &dyn Target) {
    let (at, name) = (folder(&["f"]), SafeName::encode("a.bin"));
    for round in 0..3 {
        let staged = put(target, &format!("r{round}"), b"bytes").await;
        publish_one(target, staged, &at, "a.bin")
            .await
            .expect("publishes");
        target.quarantine(&at, &name).await.expect("moves");
        assert_eq!(list(target, &at).await, []);
    }
    target.quarantine(&at, &name).await.expect("is free");
    let absent = folder(&["g"]);
    target.quarantine(&absent, &name).await.expect("is free");
    assert_eq!(target.folders(&Folder::top()).await.expect("lists"), ["f"]);
}

/// A note is `None` before it is written and the last text after.
///
/// # Panics
/// Where the promise is broken.
pub async fn notes_are_replaced_whole(target: &dyn Target) {
    let name = SafeName::encode("last_recording_endtime.txt");
    assert_eq!(target.read_note(&name).await.expect("reads"), None);
    for text in ["1518462251000", "", "a longer text\nwith ümlauts\n", "0"] {
        target.write_note(&name, text).await.expect("writes");
        let read = target.read_note(&name).await.expect("reads");
        assert_eq!(read.as_deref(), Some(text));
    }
    target.sweep().await.expect("sweeps");
    let read = target.read_note(&name).await.expect("reads");
    assert_eq!(read.as_deref(), Some("0"));
}

/// There is room on the file system that tests run on.
///
/// # Panics
/// Where the promise is broken.
pub async fn free_space_is_told(target: &dyn Target) {
    assert!(target.disk_space().await.expect("measures").free_bytes > 0);
}

fn stage(recording: &str) -> StageName {
    let recording = RecordingId::new(recording).expect("not empty");
    stage_name(&recording, Some(&MediaId::new("m").expect("not empty")))
}

fn folder(parts: &[&str]) -> Folder {
    parts
        .iter()
        .fold(Folder::top(), |at, part| at.join(SafeName::encode(part)))
}

fn new(staged: Staged, folder: &Folder, name: &str) -> Publication {
    Publication {
        staged,
        folder: folder.clone(),
        name: SafeName::encode(name),
        mode: PublishMode::New,
        sha256: None,
    }
}

/// Bytes that differ at every place where two pieces could be swapped or lost.
fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8)
        .collect()
}

async fn put(target: &dyn Target, recording: &str, bytes: &[u8]) -> Staged {
    let mut file: Box<dyn StagedFile> = target.stage(&stage(recording)).await.expect("stages");
    let bytes = Bytes::copy_from_slice(bytes);
    file.write(bytes).await.expect("writes");
    file.finish().await.expect("finishes")
}

async fn publish_one(
    target: &dyn Target,
    staged: Staged,
    folder: &Folder,
    name: &str,
) -> Result<(), TargetError> {
    let mut results = target.publish(vec![new(staged, folder, name)]).await;
    assert_eq!(results.len(), 1);
    results.remove(0)
}

async fn read_all(target: &dyn Target, folder: &Folder, name: &str) -> Option<Vec<u8>> {
    let name = SafeName::encode(name);
    let read = target.read(folder, &name, 0, usize::MAX).await;
    read.expect("reads").map(Vec::from)
}

async fn list(target: &dyn Target, folder: &Folder) -> Vec<FileFact> {
    let mut listed = target
        .list(std::slice::from_ref(folder))
        .await
        .expect("lists");
    assert_eq!(listed.len(), 1);
    listed.remove(0)
}

fn assert_all_ok(results: &[Result<(), TargetError>]) {
    for result in results {
        assert!(result.is_ok(), "{result:?}");
    }
}
