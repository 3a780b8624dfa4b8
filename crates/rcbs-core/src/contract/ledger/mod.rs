//! The promises of [`crate::ports::Ledger`] as tests for every implementation.
//!
//! What survives a kill or a damaged file is tested where there is a file.

mod announce;
mod days;
mod facts;
mod lists;
mod manifest;
mod noted;
mod samples;
mod settle;

pub use announce::*;
pub use days::*;
pub use facts::*;
pub use lists::*;
pub use manifest::*;
pub use noted::*;
pub use settle::*;

use crate::ports::Ledger;

/// Every promise, each on a fresh and empty ledger.
///
/// # Panics
/// Where a promise is broken.
pub async fn all(mut fresh: impl FnMut() -> Box<dyn Ledger>) {
    what_is_announced_is_known(&*fresh()).await;
    announcing_again_changes_no_state(&*fresh()).await;
    media_files_are_added_and_never_forgotten(&*fresh()).await;
    changed_metadata_is_noted(&*fresh()).await;
    a_new_place_gives_a_failed_file_another_chance(&*fresh()).await;
    exactly_the_legal_moves_are_made(&*fresh()).await;
    a_batch_is_settled_whole_or_not_at_all(&*fresh()).await;
    what_was_never_announced_cannot_be_settled(&*fresh()).await;
    states_are_read_back_as_written(&*fresh()).await;
    attempts_are_counted_until_verified(&*fresh()).await;
    stored_metadata_is_remembered(&*fresh()).await;
    unsettled_recordings_come_in_pages(&*fresh()).await;
    unsettled_recordings_come_by_age(&*fresh()).await;
    unsettled_recordings_are_counted_by_hour(&*fresh()).await;
    all_recordings_come_in_pages_with_their_recipients(&*fresh()).await;
    files_are_counted_by_their_recipients(&*fresh()).await;
    unconfirmed_publications_are_found(&*fresh()).await;
    the_oldest_unsettled_recording_holds_the_checkpoint(&*fresh()).await;
    the_tally_counts_every_file_once(&*fresh()).await;
    the_checkpoint_is_the_last_one_set(&*fresh()).await;
    facts_are_remembered_until_forgotten(&*fresh()).await;
    the_last_run_is_known(&*fresh()).await;
    faults_are_taken(&*fresh()).await;
    periods_that_touch_become_one(&*fresh()).await;
    what_a_clock_that_was_ahead_has_claimed_is_forgotten(&*fresh()).await;
    days_count_every_file_once(&*fresh()).await;
    replaced_metadata_are_kept(&*fresh()).await;
    what_was_stored_waits_for_a_manifest(&*fresh()).await;
    what_files_were_is_noted_until_an_entry_says_so(&*fresh()).await;
    ids_are_data(&*fresh()).await;
    callers_do_not_disturb_each_other(&*fresh()).await;
}
