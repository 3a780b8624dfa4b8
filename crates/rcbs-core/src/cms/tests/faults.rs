//! Files that are cut, bent or made to do harm.

use super::*;

#[test]
fn every_truncation_is_an_error() {
    for file in [
        sample!("aes256.der"),
        sample!("aes256.ber"),
        sample!("gcm.der"),
    ] {
        for cut in 0..file.len() {
            match walk(&file[..cut]) {
                Err(WalkError::Structure(S::Cut { at })) => assert!(at <= cut as u64),
                other => panic!("{cut}: {other:?}"),
            }
        }
        broken(
            &[file, &[0]].concat(),
            &S::Trailing {
                at: file.len() as u64,
            },
        );
    }
}

#[test]
fn a_fault_is_the_only_answer_from_then_on() {
    let mut walker = Walker::new();
    let first = walker.feed(&[0x30, 0xff]).unwrap_err();
    assert_eq!(first, WalkError::Structure(S::Length { at: 0 }));
    for _ in 0..100 {
        assert_eq!(walker.feed(sample!("aes256.der")), Err(first.clone()));
    }
    assert_eq!(walker.finish(), Err(first));
}

#[test]
fn lengths_that_do_not_fit_each_other_are_found() {
    let good = small_file(&tlv(0x80, &[&[1; 16]]));
    assert!(walk(&good).is_ok());
    let total = good.len();
    // Each length is one byte in this file: outer, explicit, EnvelopedData, recipients, EncryptedContentInfo, content.
    let data = 2 + 11;
    let info = total - 2 - data_and_cipher().len() - 18;
    for (at, is_last) in [
        (0, false),
        (data, true),
        (data + 2, true),
        (info, true),
        (total - 18, true),
    ] {
        for wrong in [good[at + 1] - 1, good[at + 1] + 1, 0, 0x7f] {
            let mut file = good.clone();
            file[at + 1] = wrong;
            assert!(walk(&file).is_err(), "byte {at}: {wrong}");
            if is_last && wrong > good[at + 1] {
                broken(&file, &S::Overrun { at: at as u64 });
            }
        }
    }
    broken(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &S::Cut { at: 6 });
    broken(
        &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &S::Overrun { at: 0 },
    );
    broken(
        &[0x30, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &S::Length { at: 0 },
    );
    broken(&[0x30, 0x80, 0x06, 0x80], &S::Length { at: 2 });
    broken(
        &[0x3f, 0x81, 0x81, 0x81, 0x81, 0x81, 0x01],
        &S::Tag { at: 0 },
    );
    broken(&[0x30, 0x02, 0, 0], &S::EndOfContents { at: 2 });
    broken(&[0x30, 0x80, 0, 1], &S::EndOfContents { at: 2 });
    broken(&[0, 0], &S::EndOfContents { at: 0 });
    // An element of indefinite length may not outgrow the definite one around it.
    broken(
        &[0x30, 0x02, 0x30, 0x80, 0, 0],
        &S::Missing {
            wanted: "contentType",
            at: 2,
        },
    );
    let oid = enveloped_oid();
    let short = [&[0x30, 14][..], &oid, &[0xa0, 0x80], &[0x30, 0x80]].concat();
    broken(&short, &S::Overrun { at: 15 });
}

#[test]
fn elements_out_of_place_are_named() {
    let missing = |wanted, at| S::Missing { wanted, at };
    broken(b"ID3\x04", &missing("ContentInfo", 0));
    broken(&tlv(0x30, &[]), &missing("contentType", 2));
    broken(
        &tlv(
            0x30,
            &[&tlv(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]])],
        ),
        &S::OtherContent {
            oid: "1.2.840.113549.1.7.2".into(),
        },
    );
    broken(&tlv(0x30, &[&enveloped_oid()]), &missing("content", 13));
    broken(
        &tlv(0x30, &[&enveloped_oid(), &tlv(0xa0, &[&[4, 0]])]),
        &missing("EnvelopedData", 15),
    );
    broken(&file(&[], &[], &[]), &S::RecipientCount { count: 0 });
    broken(
        &file(&by_key_id(1), &[], &[4, 0]),
        &S::Unexpected { at: 85 },
    );
    broken(&small_file(&[0xa0, 2, 2, 0]), &missing("OCTET STRING", 87));
    broken(&small_file(&[0x80, 0, 0x80, 0]), &S::Unexpected { at: 87 });
    broken(&small_file(&[0x81, 0]), &S::Unexpected { at: 85 });
    let pieces_of_integer = transport(&[0x80, 1, 1], &tlv(0x24, &[&[2, 1, 0]]));
    broken(
        &file(&pieces_of_integer, &[], &[]),
        &S::Unexpected { at: 39 },
    );
    for malformed in [
        &[0x30, 0][..],
        &tlv(0x30, &[&[2, 1, 0]]),
        &transport(&[0x81, 1, 1], &[4, 0]),
        &transport(&[0x30, 0], &[4, 0]),
        &transport(&[0x80, 1, 1], &[2, 1, 0]),
        &tlv(0x30, &[&[2, 1, 0, 0x80, 1, 1], &[0x30, 2, 5, 0], &[4, 0]]),
    ] {
        let file = file(&[&by_key_id(1)[..], malformed].concat(), &[], &[]);
        broken(&file, &S::Recipient { number: 2 });
    }
}

#[test]
fn authenticated_data_needs_its_mac() {
    let good = sample!("gcm.der");
    let (walked, _) = walk(good).unwrap();
    assert_eq!(
        walked.envelope.head().kind(),
        ContentKind::AuthEnvelopedData
    );
    let suffix = walked.envelope.suffix();
    assert_eq!((suffix[..2].to_vec(), suffix.len()), (vec![4, 16], 18));
    let without = &good[..good.len() - 18];
    // The three lengths around it, each two bytes after its tag.
    let mut without = without.to_vec();
    for at in [2, 4 + 13 + 2, 4 + 13 + 4 + 2] {
        let length = u16::from_be_bytes([without[at], without[at + 1]]) - 18;
        without[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    let at = without.len() as u64;
    broken(&without, &S::Missing { wanted: "mac", at });
}

#[test]
fn bombs_are_stopped() {
    let nested = |depth| {
        let (mut open, mut close) = (Vec::new(), Vec::new());
        for _ in 0..depth {
            open.extend([0x30, 0x80]);
            close.extend([0, 0]);
        }
        [open, close].concat()
    };
    let start = [
        &[0x30, 0x80][..],
        &enveloped_oid(),
        &[0xa0, 0x80, 0x30, 0x80, 2, 1, 0, 0x31, 0x80],
    ]
    .concat();
    let deep = [&start[..], &nested(100_000)].concat();
    broken(
        &deep,
        &S::Depth {
            at: (start.len() + 2 * 12) as u64,
        },
    );

    let many = |count: u8| (0..count).flat_map(by_key_id).collect::<Vec<u8>>();
    assert_eq!(
        walk(&file(&many(64), &tlv(0x80, &[&[1; 16]]), &[]))
            .unwrap()
            .0
            .recipients
            .len(),
        64
    );
    broken(&file(&many(65), &[], &[]), &S::RecipientCount { count: 65 });

    let limit_bytes = 1 << 20;
    let huge = transport(&[0x80, 1, 1], &tlv(4, &[&vec![0; limit_bytes]]));
    broken(&file(&huge, &[], &[]), &S::TooLarge { limit_bytes });
    let huge_tail = file(
        &by_key_id(1),
        &[],
        &tlv(0xa1, &[&tlv(4, &[&vec![0; limit_bytes]])]),
    );
    broken(&huge_tail, &S::TooLarge { limit_bytes });

    let info = [&[0x30, 0x80][..], &data_and_cipher(), &[0xa0, 0x80]].concat();
    let start = [
        &start[..start.len() - 2],
        &tlv(0x31, &[&by_key_id(1)]),
        &info,
    ]
    .concat();
    for piece in [&[4, 0][..], &[0x24, 0x80, 0, 0], &[0x24, 0]] {
        let empty = [&start[..], &piece.repeat(1_000_000)].concat();
        let at = (start.len() + 32 * piece.len()) as u64;
        broken(&empty, &S::NoProgress { at });
    }
    // A few empty pieces between others are fine.
    let pieces = [
        &[4, 0][..],
        &[4, 8],
        &[1; 8],
        &[4, 0],
        &[4, 8],
        &[2; 8],
        &[4, 0],
    ]
    .concat();
    let some = [&start[..], &pieces, &[0; 10]].concat();
    assert_eq!(walk(&some).unwrap().1, [[1; 8], [2; 8]].concat());
}

#[test]
fn every_flipped_bit_of_the_structure_is_survived() {
    for file in [sample!("two.der"), sample!("gcm.ber")] {
        let (walked, ciphertext) = walk(file).unwrap();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut flipped = file.to_vec();
                flipped[at] ^= 1 << bit;
                if let Ok((found, bytes)) = walk(&flipped) {
                    // What is still a file is another one, never the same.
                    assert!(found != walked || bytes != ciphertext, "{at} {bit}");
                    let _joined = join(&found.envelope, &bytes);
                }
            }
        }
    }
}
