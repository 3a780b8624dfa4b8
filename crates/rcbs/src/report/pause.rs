//! A run that waits for space, and the archive that begins, in words.

use rcbs_core::event::Event;

use super::human_bytes;

/// The line of [`Event::NoSpace`] and [`Event::SpaceAgain`]; none of any other event.
#[must_use]
pub fn pause(event: &Event) -> Option<String> {
    match event {
        Event::NoSpace {
            needed_bytes,
            free_bytes,
            reserve_bytes,
            full,
            wait,
        } => {
            let why = match (full, free_bytes) {
                (Some(full), _) => full.clone(),
                (None, free_bytes) => format!(
                    "{} are free in the target, too few for the next file of about {} with {} left free (diskReserve)",
                    human_bytes(free_bytes.unwrap_or(0)),
                    human_bytes(*needed_bytes),
                    human_bytes(*reserve_bytes),
                ),
            };
            let seconds = wait.as_secs();
            Some(format!(
                "{why}; free space now and the run goes on by itself; it waits for {seconds} s (diskWait)"
            ))
        }
        Event::SpaceAgain { waited, .. } => Some(format!(
            "there is space in the target again, after {} s",
            waited.as_secs()
        )),
        _ => None,
    }
}

/// The line of an archive that begins in this folder.
#[must_use]
pub fn archive_begun(path: &str) -> String {
    format!("a new archive begins in {path}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pause_says_what_is_missing_or_what_the_disk_said() {
        let begun = |full: Option<&str>| Event::NoSpace {
            needed_bytes: 2_000_000,
            free_bytes: full.is_none().then_some(3_000_000),
            reserve_bytes: 1_500_000,
            full: full.map(str::to_owned),
            wait: Duration::from_secs(20),
        };
        assert_eq!(
            pause(&begun(None)).unwrap(),
            "3.0 MB are free in the target, too few for the next file of about 2.0 MB with 1.5 MB left free (diskReserve); \
             free space now and the run goes on by itself; it waits for 20 s (diskWait)"
        );
        assert_eq!(
            pause(&begun(Some("no space left for x"))).unwrap(),
            "no space left for x; free space now and the run goes on by itself; it waits for 20 s (diskWait)"
        );
        let ended = Event::SpaceAgain {
            needed_bytes: 1,
            free_bytes: None,
            reserve_bytes: 0,
            waited: Duration::from_secs(7),
        };
        assert_eq!(
            pause(&ended).unwrap(),
            "there is space in the target again, after 7 s"
        );
        assert_eq!(pause(&Event::ListingEnded), None);
    }
}
