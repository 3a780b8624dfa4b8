//! What memory a run may take, however large an object is.

use rcbs_sim::{Content, Form};

use crate::stage::{Stage, cloud};

const MIB: u64 = 1 << 20;

/// Peak memory of a run that fetches one object of so many bytes.
fn peak_for(len_bytes: u64, form: Form) -> u64 {
    let cloud = cloud()
        .recording("LARGE")
        .at("2018-02-12T12:00:00Z")
        .screen_of(Content::pattern(len_bytes, 1))
        .kept_as(form)
        .build();
    let stage = Stage::new(cloud);
    let finished = stage.backup().expect_code(0);
    let path = stage.target().join("2018/02/12/12/LARGE");
    let sizes: u64 = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(sizes > len_bytes, "{sizes}");
    finished.peak_rss_bytes
}

/// A8.
#[test]
fn an_object_of_half_a_gigabyte_takes_no_more_memory_than_a_small_one() {
    let small = peak_for(10_000_000, Form::Detached);
    let large = peak_for(200_000_000, Form::Detached);
    assert!(
        large < small + 8 * MIB,
        "{small} for 10 MB, {large} for 200 MB"
    );
    let whole = peak_for(500_000_000, Form::Complete);
    assert!(whole < 64 * MIB, "{whole}");
}
