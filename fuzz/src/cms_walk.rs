//! Any bytes as a file that streams by: the same answer in any pieces, and what is walked can be joined.

use rcbs_core::cms::{WalkError, Walked, Walker, begins_like_enveloped_data};

/// Whether a walk depends on the bytes alone, and finds what is there.
pub fn holds(bytes: &[u8]) {
    let whole = walk(bytes, usize::MAX);
    for size in [1, 2 + bytes.len() % 61] {
        assert_eq!(whole, walk(bytes, size));
    }
    if let Ok((walked, ciphertext)) = whole {
        assert!(begins_like_enveloped_data(bytes));
        assert_eq!(walked.ciphertext_bytes, ciphertext.len() as u64);
        assert!(ciphertext.len() < bytes.len());
        let frame = walked
            .envelope
            .frame(walked.ciphertext_bytes)
            .expect("a length that was walked can be framed");
        let joined = [&frame.head, ciphertext.as_slice(), &frame.tail].concat();
        assert_eq!(walk(&joined, usize::MAX), Ok((walked, ciphertext)));
    }
}

fn walk(file: &[u8], size: usize) -> Result<(Walked, Vec<u8>), WalkError> {
    let mut walker = Walker::new();
    let mut ciphertext = Vec::new();
    for chunk in file.chunks(size) {
        walker.feed_with(chunk, |bytes| ciphertext.extend_from_slice(bytes))?;
    }
    Ok((walker.finish()?, ciphertext))
}
