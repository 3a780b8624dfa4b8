//! What holds for any bytes in any pieces.

use proptest::prelude::*;

use super::*;

/// One of the samples, by its place, so that a failing case prints as a number.
fn sample_at(place: usize) -> &'static [u8] {
    let all = [&DER[..], &BER].concat();
    all[place % all.len()]
}

proptest! {
    #[test]
    fn chunks_of_any_size_give_the_same(file in 0..11_usize, cuts in prop::collection::vec(0..2000_usize, 0..40)) {
        let file = sample_at(file);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(file.len())).collect();
        cuts.extend([0, file.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &file[pair[0]..pair[1]]);
        prop_assert!(walk_in(chunks) == walk(file));
    }

    #[test]
    fn faults_do_not_depend_on_the_chunks(file in 0..11_usize, at in 0..2000_usize, byte: u8, size in 1..50_usize) {
        let mut file = sample_at(file).to_vec();
        let at = at % file.len();
        file[at] = byte;
        prop_assert!(walk_in(file.chunks(size)) == walk(&file));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "\\PC*") {
        let _walked = walk(&bytes);
        let _envelope = Envelope::from_ber(&bytes);
        let _text = Envelope::from_text(&text);
        let _begins = begins_like_enveloped_data(&bytes);
    }

    #[test]
    fn damaged_envelopes_do_not_panic(file in 0..11_usize, damage in prop::collection::vec((0..600_usize, any::<u8>()), 1..5), cut in 0..2000_usize) {
        let mut der = walk(sample_at(file)).unwrap().0.envelope.to_der();
        for (at, byte) in damage {
            let at = at % der.len();
            der[at] = byte;
        }
        if cut < der.len() {
            der.remove(cut);
        }
        if let Ok(envelope) = Envelope::from_ber(&der) {
            // Whatever was read can be written and read again.
            prop_assert_eq!(Envelope::from_ber(&envelope.to_der()), Ok(envelope));
        }
    }

    #[test]
    fn what_is_joined_is_split_again(file in 0..13_usize, blocks in 1..500_usize, seed: u8, size in 1..3000_usize) {
        let envelope = match file {
            11 => small_envelope(),
            12 => walk(sample!("password.der")).unwrap().0.envelope,
            _ => walk(sample_at(file)).unwrap().0.envelope,
        };
        // Of a cipher without blocks any length will do.
        let block_bytes = envelope.cipher().block_bytes().map_or(7, |bytes| usize::try_from(bytes).unwrap());
        let bytes = 0..blocks * block_bytes;
        let ciphertext: Vec<u8> = bytes.map(|at| (at as u8).wrapping_mul(seed)).collect();
        let joined = join(&envelope, &ciphertext);
        let (walked, found) = walk_in(joined.chunks(size)).unwrap();
        prop_assert_eq!(walked.envelope, envelope);
        prop_assert_eq!(walked.ciphertext_bytes, found.len() as u64);
        prop_assert_eq!(found, ciphertext);
    }
}
