//! The program on SeaweedFS: signatures, versions, checksums and ranges of a store that is not ours, opened by OpenSSL.

use std::path::{Path, PathBuf};

use rcbs_sim::cloud::Form;
use rcbs_sim::seal::{Cipher, KeyTransport};
use rcbs_sim::{Cloud, Content, Identity, SharedCloud};
use serde_json::Value;

use crate::seaweed::{BACKUP, Seaweed};
use crate::stage::{Stage, events};
use crate::support::archive::sealed_files;
use crate::support::openssl::Recipient;
use crate::support::wire::{Harm, Wire};

/// A cloud in every cipher, for one customer and for two, in every form, with keys that are awkward in a URL.
fn cloud() -> Cloud {
    let customers = [0, 1].map(|number| Identity::shared(number).recipient.clone());
    let mut cloud = Cloud::new(1);
    let mut number = 0;
    for cipher in [Cipher::Aes128, Cipher::Aes256] {
        for recipients in [&customers[..1], &customers[..]] {
            for (form, transport) in [
                (Form::Detached, KeyTransport::Pkcs1),
                (Form::Complete, KeyTransport::Oaep),
                (Form::Streamed, KeyTransport::Pkcs1),
            ] {
                number += 1;
                cloud = cloud
                    .recording(&format!("SEALED{number:02}"))
                    .at(&format!("2018-02-12T{number:02}:00:00Z"))
                    .audio()
                    .kept_as(form)
                    .encrypted_with(cipher, transport)
                    .encrypted_for(recipients.to_vec())
                    .stored_as(
                        "recordings",
                        &format!("a folder/{number} +&=\u{e9}~(1)'.bin"),
                    )
                    .build();
            }
        }
    }
    cloud
}

/// Puts all objects of the cloud into the store.
pub fn upload(store: &Seaweed, cloud: &SharedCloud) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let objects = cloud.read(|cloud| {
        let media = cloud.recordings().iter().flat_map(|one| &one.media);
        media
            .map(|media| (media.key.clone(), cloud.sealed(media).object.to_vec()))
            .collect::<Vec<_>>()
    });
    for (key, bytes) in objects {
        std::fs::write(file.path(), bytes).unwrap();
        store.put(&escaped(&key), file.path());
    }
}

/// A key as it stands in a URL.
fn escaped(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A stage whose API is the pretend one and whose store is the real one, with the key that may only read.
pub fn stage_with(store: &Seaweed, cloud: Cloud) -> Stage {
    let mut stage = Stage::new(cloud);
    upload(store, stage.server.cloud());
    stage.set(&format!("awsEndpoint={}", store.endpoint()));
    stage.env("AWS_ACCESS_KEY_ID", BACKUP.id);
    stage.env("AWS_SECRET_ACCESS_KEY", BACKUP.secret);
    stage
}

/// Every file of the archive is what the cloud sealed.
#[track_caller]
pub fn assert_stored(stage: &Stage, lines: &[Value]) {
    let sealed = sealed_files(stage.server.cloud());
    let verified = events(lines, "verified");
    assert_eq!(verified.len(), sealed.len());
    for event in verified {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let stored = std::fs::read(stage.target().join(text("path"))).unwrap();
        assert!(
            stored == sealed[&(text("recording"), text("media"))],
            "{event}"
        );
    }
}

#[test]
fn signed_payloads_are_accepted_by_a_store_that_is_not_ours() {
    let store = Seaweed::start();
    for signing in ["true", "false"] {
        let customer = Identity::shared(0).recipient.clone();
        let cloud = Cloud::new(1).encrypted_for([customer]);
        let cloud = cloud.recording("one").audio();
        let cloud = cloud.stored_as("recordings", "signed +&.bin").build();
        let mut stage = stage_with(&store, cloud);
        stage.set(&format!("usePayloadSigning={signing}"));
        let (finished, lines) = stage.backup_json();
        finished.expect_code(0);
        assert_stored(&stage, &lines);
    }
}

#[test]
fn every_file_is_checked_by_the_stores_md5_and_opened_by_openssl() {
    let store = Seaweed::start();
    let stage = stage_with(&store, cloud());
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    assert_stored(&stage, &lines);
    for event in events(&lines, "verified") {
        assert_eq!(event["check"], "md5", "{event}");
    }
    // Nothing was asked of the pretend store.
    assert_eq!(stage.server.requests().counts().objects, 0);

    let keys = tempfile::TempDir::new().unwrap();
    let customers = [0, 1].map(|number| customer(keys.path(), number));
    let cloud = stage.server.cloud();
    for event in events(&lines, "verified") {
        let path = stage.target().join(event["path"].as_str().unwrap());
        let (clear, count, transport) = cloud.read(|cloud| {
            let recording = cloud.recording_by_id(event["recording"].as_str().unwrap());
            let media = &recording.unwrap().media[0];
            let count = cloud.recipients_of(media).len();
            (media.content.to_vec(), count, media.transport)
        });
        for (number, customer) in customers.iter().enumerate() {
            let (cms, smime) = (customer.decrypt_cms(&path), customer.decrypt_smime(&path));
            let is_for = number < count;
            assert_eq!(
                cms.is_ok_and(|found| found == clear),
                is_for,
                "{number} {event}"
            );
            // PKCS #7, which the older command speaks, has no other way to wrap a key.
            let is_for = is_for && transport == Some(KeyTransport::Pkcs1);
            assert_eq!(
                smime.is_ok_and(|found| found == clear),
                is_for,
                "{number} {event}"
            );
        }
    }
}

/// A pretend customer with his key in a file.
fn customer(dir: &Path, number: usize) -> Recipient {
    let identity = Identity::shared(number);
    let write = |name: &str, pem: &str| -> PathBuf {
        let path = dir.join(format!("{number}.{name}.pem"));
        std::fs::write(&path, pem).unwrap();
        path
    };
    Recipient {
        key: write("key", &identity.private_key_pem),
        certificate: write("certificate", &identity.certificate_pem),
    }
}

/// E6.
#[test]
fn a_cut_transfer_goes_on_at_the_next_byte_of_the_same_version() {
    let store = Seaweed::start();
    let cloud = Cloud::new(1)
        .recording("LARGE")
        .at("2018-02-12T12:00:00Z")
        .audio_of(Content::pattern(3_000_000, 1))
        .stored_as("recordings", "large.bin")
        .build();
    let mut stage = stage_with(&store, cloud);
    let wire = cut_first(&store, 2);
    stage.set(&format!("awsEndpoint=http://127.0.0.1:{}", wire.port()));
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    assert_stored(&stage, &lines);
    let requests = wire.carried();
    assert_eq!(requests.len(), 3, "{requests:#?}");
    assert!(
        !requests[0].has("range") && !requests[0].has("if-match"),
        "{requests:#?}"
    );
    for later in &requests[1..] {
        assert!(later.has("range") && later.has("if-match"), "{later:?}");
    }

    // An object that changed meanwhile is fetched anew, and what is stored is one version and not a mixture.
    let mut stage = stage_with(&store, changed());
    let wire = cut_first(&store, 1);
    stage.set(&format!("awsEndpoint=http://127.0.0.1:{}", wire.port()));
    let (finished, lines) = stage.backup_json();
    finished.expect_code(0);
    assert_stored(&stage, &lines);
}

/// A wire to the store that cuts the first answers after so many bytes.
fn cut_first(store: &Seaweed, count: usize) -> Wire {
    Wire::harming(store.port(), move |number, _| {
        (number < count).then_some(Harm::Cut { after: 1_000_000 })
    })
}

fn changed() -> Cloud {
    Cloud::new(2)
        .recording("LARGE")
        .at("2018-02-12T12:00:00Z")
        .audio_of(Content::pattern(3_000_000, 2))
        .stored_as("recordings", "large.bin")
        .build()
}

#[test]
fn refusals_of_a_real_store_are_understood() {
    let store = Seaweed::start();
    let small = || {
        Cloud::new(1)
            .recording("SMALL")
            .at("2018-02-12T12:00:00Z")
            .audio()
            .stored_as("recordings", "small.bin")
            .build()
    };
    let mut stage = stage_with(&store, small());
    stage.env("AWS_SECRET_ACCESS_KEY", "wrong");
    let finished = stage.backup().expect_code(5);
    assert!(
        finished.stderr.contains("AWS_SECRET_ACCESS_KEY"),
        "{}",
        finished.stderr
    );
    assert_eq!(stage.media_files(), [""; 0]);

    stage.env("AWS_ACCESS_KEY_ID", "nobody");
    let finished = stage.backup().expect_code(5);
    assert!(
        finished.stderr.contains("AWS_ACCESS_KEY_ID"),
        "{}",
        finished.stderr
    );

    // Nothing of it is remembered against the right keys.
    stage.env("AWS_ACCESS_KEY_ID", BACKUP.id);
    stage.env("AWS_SECRET_ACCESS_KEY", BACKUP.secret);
    stage.backup().expect_code(0);
    assert_eq!(stage.media_files().len(), 1);

    // An object that was never there is lost after a second look at its metadata.
    let gone = Cloud::new(1)
        .recording("GONE")
        .at("2018-02-12T13:00:00Z")
        .audio()
        .stored_as("recordings", "gone.bin")
        .build();
    let mut stage = Stage::new(gone);
    stage.set(&format!("awsEndpoint={}", store.endpoint()));
    stage.env("AWS_ACCESS_KEY_ID", BACKUP.id);
    stage.env("AWS_SECRET_ACCESS_KEY", BACKUP.secret);
    stage.backup().expect_code(4);
    assert_eq!(stage.server.requests().counts().recordings, 1);
}
