//! The promises of `MediaStore` as tests for every implementation.

use aws_lc_rs::digest;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use futures_util::StreamExt as _;
use md5::{Digest as _, Md5};

use crate::ports::{Checksum, ChecksumKind, ETag, GetRequest, MediaStore, Object, StoreError};
use crate::recording::Location;

/// What the store behind the implementation holds, served without tricks and faults.
#[derive(Debug, Clone)]
pub struct Held {
    /// Objects and their bytes: an empty one, a small one and one of more than 100 kB at least, keys with blanks,
    /// `+`, `//` and letters beyond ASCII among them.
    pub objects: Vec<(Location, Bytes)>,
    /// A key that its bucket does not have.
    pub absent: Location,
    /// A bucket that the store does not have.
    pub no_bucket: Location,
}

/// Runs the whole suite.
///
/// # Panics
/// Where a promise is broken; so do all functions here.
pub async fn all(store: &dyn MediaStore, held: &Held) {
    an_object_is_read_as_it_is(store, held).await;
    reading_begins_where_asked_or_at_the_beginning(store, held).await;
    nothing_is_given_from_behind_the_end(store, held).await;
    the_same_request_gives_the_same_object(store, held).await;
    the_version_asked_for_is_given(store, held).await;
    another_version_is_never_given(store, held).await;
    an_offered_checksum_is_that_of_the_whole_object(store, held).await;
    an_absent_object_is_not_found(store, held).await;
    an_absent_bucket_is_told_apart(store, held).await;
}

/// Length and bytes are those of the object.
pub async fn an_object_is_read_as_it_is(store: &dyn MediaStore, held: &Held) {
    for (location, content) in &held.objects {
        let object = get(store, location, 0, None).await;
        assert_eq!(object.total_bytes, content.len() as u64, "{location:?}");
        assert_eq!(object.from, 0);
        assert!(
            read(object).await == *content,
            "{location:?} is another object"
        );
    }
}

/// A range is honoured or ignored as a whole, and the object says which.
pub async fn reading_begins_where_asked_or_at_the_beginning(store: &dyn MediaStore, held: &Held) {
    for (location, content) in &held.objects {
        let len = content.len() as u64;
        for from in [1, 7, len / 2, len.saturating_sub(1)] {
            if from == 0 || from >= len {
                continue;
            }
            let object = get(store, location, from, None).await;
            assert_eq!(
                object.total_bytes, len,
                "the length of the whole, whatever was asked for"
            );
            assert!(object.from == from || object.from == 0, "{}", object.from);
            let rest = content.slice(usize::try_from(object.from).expect("it fits")..);
            assert!(read(object).await == rest, "{location:?} from {from}");
        }
    }
}

/// At its end and behind it an object has no bytes, and that is an error: nobody asks so unless something changed.
pub async fn nothing_is_given_from_behind_the_end(store: &dyn MediaStore, held: &Held) {
    for (location, content) in &held.objects {
        for from in [content.len() as u64, content.len() as u64 + 1_000] {
            if from == 0 {
                continue;
            }
            let request = GetRequest {
                location: location.clone(),
                from,
                if_match: None,
            };
            match store.get(&request).await {
                Err(StoreError::Changed | StoreError::Unexpected { .. }) => {}
                Ok(object) => assert_eq!(
                    object.from, 0,
                    "only a store that ignores ranges may answer"
                ),
                Err(error) => panic!("{location:?} from {from}: {error}"),
            }
        }
    }
}

/// A request may be repeated; the version stays.
pub async fn the_same_request_gives_the_same_object(store: &dyn MediaStore, held: &Held) {
    for (location, content) in &held.objects {
        let first = get(store, location, 0, None).await;
        let second = get(store, location, 0, None).await;
        assert_eq!(first.etag, second.etag);
        assert_eq!(first.checksum, second.checksum);
        drop(first);
        assert!(
            read(second).await == *content,
            "an abandoned body spoils nothing"
        );
    }
}

/// With the object's own version the object is given.
pub async fn the_version_asked_for_is_given(store: &dyn MediaStore, held: &Held) {
    for (location, content) in &held.objects {
        let Some(etag) = get(store, location, 0, None).await.etag else {
            continue;
        };
        let from = u64::from(content.len() > 1);
        let object = get(store, location, from, Some(etag)).await;
        let rest = content.slice(usize::try_from(object.from).expect("it fits")..);
        assert!(read(object).await == rest, "{location:?}");
    }
}

/// With any other version nothing is given.
pub async fn another_version_is_never_given(store: &dyn MediaStore, held: &Held) {
    for (location, content) in &held.objects {
        for from in [0, u64::from(content.len() > 1)] {
            let other = ETag("\"00000000000000000000000000000000\"".to_owned());
            let request = GetRequest {
                location: location.clone(),
                from,
                if_match: Some(other),
            };
            let given = store.get(&request).await;
            assert!(
                matches!(given, Err(StoreError::Changed)),
                "{location:?}: {given:?}"
            );
        }
    }
}

/// What is offered as a checksum can be compared with the bytes.
pub async fn an_offered_checksum_is_that_of_the_whole_object(store: &dyn MediaStore, held: &Held) {
    for (location, content) in &held.objects {
        for from in [0, u64::from(content.len() > 1)] {
            if let Some(offered) = get(store, location, from, None).await.checksum {
                assert_eq!(
                    offered,
                    checksum(offered.kind, content),
                    "{location:?} from {from}"
                );
            }
        }
    }
}

/// Not there is told apart from every other failure.
pub async fn an_absent_object_is_not_found(store: &dyn MediaStore, held: &Held) {
    let request = GetRequest {
        location: held.absent.clone(),
        from: 0,
        if_match: None,
    };
    let given = store.get(&request).await;
    assert!(matches!(given, Err(StoreError::NotFound)), "{given:?}");
}

/// A missing bucket is not a missing object.
pub async fn an_absent_bucket_is_told_apart(store: &dyn MediaStore, held: &Held) {
    let request = GetRequest {
        location: held.no_bucket.clone(),
        from: 0,
        if_match: None,
    };
    match store.get(&request).await {
        Err(StoreError::NoBucket { bucket }) => assert_eq!(bucket, held.no_bucket.bucket),
        given => panic!("{given:?}"),
    }
}

async fn get(
    store: &dyn MediaStore,
    location: &Location,
    from: u64,
    if_match: Option<ETag>,
) -> Object {
    let request = GetRequest {
        location: location.clone(),
        from,
        if_match,
    };
    store
        .get(&request)
        .await
        .unwrap_or_else(|error| panic!("{location:?}: {error}"))
}

async fn read(object: Object) -> Bytes {
    let announced = object.total_bytes - object.from;
    let mut body = object.body.0;
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        all.extend_from_slice(&piece.expect("a whole object arrives whole"));
    }
    assert_eq!(all.len() as u64, announced, "as many bytes as announced");
    all.into()
}

/// The checksum of some bytes, by libraries that no implementation has to share.
#[must_use]
pub fn checksum(kind: ChecksumKind, content: &[u8]) -> Checksum {
    let crc32 = |algorithm| {
        let crc = u32::try_from(crc_fast::checksum(algorithm, content)).expect("it has 32 bits");
        crc.to_be_bytes().to_vec()
    };
    let value = match kind {
        ChecksumKind::Sha256 => digest::digest(&digest::SHA256, content).as_ref().to_vec(),
        ChecksumKind::Sha1 => digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, content)
            .as_ref()
            .to_vec(),
        ChecksumKind::Crc64Nvme => crc_fast::checksum(CrcAlgorithm::Crc64Nvme, content)
            .to_be_bytes()
            .to_vec(),
        ChecksumKind::Crc32c => crc32(CrcAlgorithm::Crc32Iscsi),
        ChecksumKind::Crc32 => crc32(CrcAlgorithm::Crc32IsoHdlc),
        ChecksumKind::Md5 => Md5::digest(content).to_vec(),
    };
    Checksum { kind, value }
}
