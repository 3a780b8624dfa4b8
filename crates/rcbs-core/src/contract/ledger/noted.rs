//! What files were for which no entry speaks.

use crate::ledger::state::StateName;
use crate::ports::{Ledger, Settlement};

use super::samples::{announcement, at, known, media, state};

/// By the path, byte for byte, the last digest, until it is forgotten; together with everything else that is settled,
/// or not at all.
///
/// # Panics
/// Where the promise is broken.
pub async fn what_files_were_is_noted_until_an_entry_says_so(ledger: &dyn Ledger) {
    let note = |path: &str, digest: Option<u8>| Settlement::Noted {
        path: path.to_owned(),
        sha256: digest.map(|digest| [digest; 32]),
    };
    let digest = async |path: &str| {
        let noted = ledger.noted(path).await.expect("reads");
        noted.map(|sha256| sha256[0])
    };
    assert_eq!(digest("r/a.bin").await, None);
    let batch = [
        note("r/a.bin", Some(1)),
        note("r/b.bin", Some(2)),
        note("r/a.bin", Some(3)),
        note("r/A.bin", Some(4)),
        note("r/c.bin", None),
    ];
    ledger.settle(at(9), &batch).await.expect("notes");
    for (path, wanted) in [
        ("r/a.bin", Some(3)),
        ("r/b.bin", Some(2)),
        ("r/A.bin", Some(4)),
        ("r/c.bin", None),
        ("r", None),
    ] {
        assert_eq!(digest(path).await, wanted, "{path}");
    }
    // A recording that nobody announced takes the whole batch back.
    let refused = [
        note("r/b.bin", None),
        media("r", "b", state(StateName::Verified)),
    ];
    assert!(ledger.settle(at(9), &refused).await.is_err());
    assert_eq!(digest("r/b.bin").await, Some(2));
    let announced = announcement("r", &["b"]);
    ledger.announce(&[announced]).await.expect("announces");
    ledger.settle(at(9), &refused).await.expect("settles");
    assert_eq!(digest("r/b.bin").await, None);
    let entry = known(ledger, "r").await.expect("is known");
    assert_eq!(entry.media[0].1.state, state(StateName::Verified));
}
