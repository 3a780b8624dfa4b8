//! A ledger for paused time. Paused time jumps ahead as soon as nobody is at work, and the ledger works on a thread that
//! the runtime does not know: on a slow machine, hours would pass while it writes.

use async_trait::async_trait;
use jiff::Timestamp;
use rcbs_core::ports::{
    Announcement, DamageNote, DayCount, HeldRecording, Ledger, LedgerError, LedgerTally,
    ManifestBacklog, ManifestPage, MetadataVersion, Period, RecordingEntry, RunRecord, SealedFor,
    Settlement, UnsettledHour,
};
use rcbs_core::recording::RecordingId;

/// A ledger during whose work time stands still.
#[derive(Debug)]
pub(crate) struct Steady<L>(pub(crate) L);

/// While this lives, the runtime sees somebody at work.
struct AtWork(
    #[expect(dead_code, reason = "its end is what is waited for")] std::sync::mpsc::Sender<()>,
);

impl AtWork {
    fn begins() -> Self {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        drop(tokio::task::spawn_blocking(move || receiver.recv()));
        Self(sender)
    }
}

macro_rules! steadily {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl<L: Ledger> Ledger for Steady<L> {
            $(async fn $name(&self, $($arg: $kind),*) -> Result<$answer, LedgerError> {
                let _at_work = AtWork::begins();
                self.0.$name($($arg),*).await
            })*
        }
    };
}

steadily! {
    announce(batch: &[Announcement]) -> Vec<RecordingEntry>;
    settle(at: Timestamp, batch: &[Settlement]) -> ();
    note_damage(at: Timestamp, batch: &[DamageNote]) -> ();
    unsettled(after: Option<&RecordingId>, limit: usize) -> Vec<RecordingEntry>;
    unsettled_by_age(after: Option<&RecordingEntry>, limit: usize) -> Vec<RecordingEntry>;
    unsettled_by_hour() -> Vec<UnsettledHour>;
    recordings(after: Option<&RecordingId>, limit: usize) -> Vec<HeldRecording>;
    sealed_for() -> Vec<SealedFor>;
    unconfirmed() -> Vec<RecordingEntry>;
    recording(id: &RecordingId) -> Option<RecordingEntry>;
    held(id: &RecordingId) -> Option<HeldRecording>;
    note_fault(at: Timestamp, what: &str) -> ();
    checkpoint() -> Option<Timestamp>;
    set_checkpoint(at: Timestamp) -> ();
    oldest_unsettled() -> Option<Timestamp>;
    tally() -> LedgerTally;
    remember(name: &str, value: Option<&str>) -> ();
    recall(name: &str) -> Option<String>;
    manifest_backlog() -> ManifestBacklog;
    manifest_page(with_written: bool, after: i64, limit: usize) -> ManifestPage;
    manifest_written(upto: i64, name: &str, state: &str) -> ();
    manifest_closed() -> ();
    noted(path: &str) -> Option<[u8; 32]>;
    note_listed(period: Period) -> ();
    forget_listed_from(at: Timestamp) -> ();
    listed() -> Vec<Period>;
    days(within: Option<Period>) -> Vec<DayCount>;
    metadata_versions(id: &RecordingId) -> Vec<MetadataVersion>;
    begin_run(command: &str, at: Timestamp) -> ();
    end_run() -> ();
    record_run(run: &RunRecord) -> ();
    last_run() -> Option<RunRecord>;
}
