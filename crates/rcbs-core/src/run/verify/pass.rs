//! Goes through the ledger in the order of the ids, looks at many recordings at once, and remembers how far it has come.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::look::{Looked, look};
use super::{Harmed, VerifyOptions, VerifyPorts, count, manifests, strangers};
use crate::ports::{DamageNote, EntryState, HeldRecording, MediaEntry, MediaKey, TargetError};
use crate::rate::{Bandwidth, Pace};
use crate::recording::{MediaId, RecordingId};
use crate::run::RunError;
use crate::verify::{Finding, Progress, Sample, VerifyEvent, VerifySummary, Witness, clears};

/// Recordings read from the ledger at a time.
const PAGE: usize = 100;
/// The fact under which the ledger remembers how far a full reading has come.
const PROGRESS: &str = "verify_progress";
/// So often it is told; a kill costs that much reading.
const REMEMBER_EVERY: Duration = Duration::from_secs(5);

/// One verification.
pub(super) struct Pass {
    pub(super) ports: VerifyPorts,
    options: VerifyOptions,
    witness: Arc<dyn Witness>,
    stop: CancellationToken,
    pace: Arc<Pace>,
    /// As it was in the beginning: what a run at work is done with later is judged as if it were not.
    checkpoint: OnceLock<Timestamp>,
    summary: Mutex<VerifySummary>,
}

/// Media files of a recording of which every byte is read.
type Reads = BTreeSet<MediaId>;
type Job = (HeldRecording, Reads);

impl Pass {
    pub(super) fn new(
        ports: VerifyPorts,
        options: VerifyOptions,
        witness: Arc<dyn Witness>,
        stop: CancellationToken,
    ) -> Self {
        let pace = Pace::new(
            Arc::clone(&ports.clock),
            Bandwidth::always(options.limit_bytes_per_s),
        );
        Self {
            ports,
            options,
            witness,
            stop,
            pace: Arc::new(pace),
            checkpoint: OnceLock::new(),
            summary: Mutex::default(),
        }
    }

    /// Everything counted so far.
    pub(super) fn summary(&self) -> VerifySummary {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what happened, and counts it.
    pub(super) fn tell(&self, event: &VerifyEvent) {
        count(
            &mut self.summary.lock().unwrap_or_else(PoisonError::into_inner),
            event,
        );
        self.witness.on(event);
    }

    /// From where it left off, or from the beginning, to the end.
    pub(super) async fn go(&self, harmed: &dyn Harmed) -> Result<(), RunError> {
        let checkpoint = self.ports.ledger.checkpoint().await;
        if let Some(at) = checkpoint.map_err(RunError::Ledger)? {
            self.checkpoint.get_or_init(|| at);
        }
        let tally = self.ports.ledger.tally().await.map_err(RunError::Ledger)?;
        let mut progress = self.recall().await?;
        self.tell(&VerifyEvent::Begun {
            recordings: tally.recordings,
            media: tally.verified,
            bytes: tally.verified_bytes,
            resumed: progress.after().is_some(),
        });
        let mut sample = Sample::new(
            self.options.read_data,
            self.options.seed,
            tally.verified_bytes,
        );
        let mut course = Course {
            pass: self,
            harmed,
            last_remembered: self.ports.clock.elapsed(),
        };
        let mut again = Vec::new();
        for id in progress.take_harmed() {
            again.extend(self.held(&id).await?.map(read_whole));
        }
        let walked = async {
            let mark = progress.after();
            let told = again
                .iter()
                .map(|(held, _)| held.entry.id.clone())
                .collect();
            course.walk(again, &mut progress).await?;
            if let Some(mark) = &mark {
                course.walk_known(mark, &told, &mut progress).await?;
            }
            let mut after = mark;
            while let Some(page) = self.page(after.as_ref()).await? {
                after = page.last().map(|last| last.entry.id.clone());
                let jobs = page
                    .into_iter()
                    .map(|held| with_sample(held, &mut sample))
                    .collect();
                course.walk(jobs, &mut progress).await?;
            }
            Ok(())
        };
        // Also when it was stopped: that is what the note is for.
        if let Err(error) = walked.await {
            self.remember(Some(&progress)).await?;
            return Err(error);
        }
        self.remember(None).await?;
        strangers::find(self, &self.stop).await?;
        manifests::check_end(self).await
    }

    /// The recordings behind this one; `None` behind the last.
    async fn page(
        &self,
        after: Option<&RecordingId>,
    ) -> Result<Option<Vec<HeldRecording>>, RunError> {
        let page = self.ports.ledger.recordings(after, PAGE).await;
        let page = page.map_err(RunError::Ledger)?;
        Ok(Some(page).filter(|page| !page.is_empty()))
    }

    /// What the ledger knows of one recording now.
    pub(super) async fn held(&self, id: &RecordingId) -> Result<Option<HeldRecording>, RunError> {
        let held = self.ports.ledger.held(id).await;
        held.map_err(RunError::Ledger)
    }

    /// Looks at one recording.
    pub(super) async fn look(
        &self,
        held: &HeldRecording,
        reads: &Reads,
    ) -> Result<Looked, RunError> {
        let target = self.ports.target.as_ref();
        let checkpoint = self.checkpoint.get().copied();
        look(target, &self.pace, &self.stop, held, reads, checkpoint).await
    }

    /// Looks again for as long as the ledger has changed under a look that found something.
    ///
    /// Whoever changes the archive tells the ledger before: what was found while it said the same before and after is
    /// no trace of a run at work.
    async fn look_again(
        &self,
        mut held: HeldRecording,
        reads: &Reads,
        mut looked: Looked,
    ) -> Result<(HeldRecording, Looked), RunError> {
        while !looked.findings.is_empty() || !looked.unknown.is_empty() {
            // An entry never vanishes.
            match self.held(&held.entry.id).await? {
                Some(now) if now != held => held = now,
                _ => break,
            }
            looked = self.look(&held, reads).await?;
        }
        Ok((held, looked))
    }

    /// Counts what cannot be sound because it is not there.
    pub(super) async fn count_absent(&self) -> Result<(), RunError> {
        let tally = self.ports.ledger.tally().await.map_err(RunError::Ledger)?;
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        summary.waiting = tally.announced + tally.waiting;
        summary.lost = tally.lost;
        Ok(())
    }

    async fn recall(&self) -> Result<Progress, RunError> {
        let what = self.options.read_data.stable_name();
        let fresh = Progress::new(what.clone().unwrap_or_default());
        let (Some(what), false) = (what, self.options.restart) else {
            return Ok(fresh);
        };
        let text = self.ports.ledger.recall(PROGRESS).await;
        let text = text.map_err(RunError::Ledger)?;
        Ok(text
            .and_then(|text| Progress::recalled(&text, &what))
            .unwrap_or(fresh))
    }

    async fn remember(&self, progress: Option<&Progress>) -> Result<(), RunError> {
        if !self.options.remembers || self.options.read_data.stable_name().is_none() {
            return Ok(());
        }
        let text = progress.map(Progress::to_text);
        let told = self.ports.ledger.remember(PROGRESS, text.as_deref()).await;
        told.map_err(RunError::Ledger)
    }

    fn add(&self, counts: &VerifySummary) {
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        summary.recordings += counts.recordings;
        summary.media += counts.media;
        summary.metadata += counts.metadata;
        summary.read_files += counts.read_files;
        summary.read_bytes += counts.read_bytes;
        summary.without_metadata += counts.without_metadata;
        let now = *summary;
        drop(summary);
        self.witness.on(&VerifyEvent::Progress(now));
    }
}

/// Everything is read of a recording.
fn read_whole(held: HeldRecording) -> Job {
    let reads = held.entry.media.iter().map(|(id, _)| id.clone()).collect();
    (held, reads)
}

/// What is read of a recording: what the sample takes, and whatever is known to be damaged in a way that only reading
/// shows. A cheap look would pass it, and a repair would leave it as it is.
fn with_sample(held: HeldRecording, sample: &mut Sample) -> Job {
    let recording = &held.entry.id;
    let is_suspect = |media: &MediaId| {
        let mut known = held.damaged.iter();
        known.any(|(of, harm)| of.as_ref() == Some(media) && !clears(harm, false))
    };
    let mut takes = |(media, known): &(MediaId, MediaEntry)| match known.state {
        EntryState::Verified { len_bytes, .. } => {
            let key = MediaKey {
                recording: recording.clone(),
                media: media.clone(),
            };
            sample.takes(&key, len_bytes) || is_suspect(media)
        }
        _ => false,
    };
    let reads = held.entry.media.iter().filter(|it| takes(it));
    let reads = reads.map(|(id, _)| id.clone()).collect();
    (held, reads)
}

/// What is to be noted of a recording that was looked at.
fn notes(held: &HeldRecording, reads: &Reads, findings: &[Finding]) -> Vec<DamageNote> {
    let state = |media: &Option<MediaId>| {
        let mut files = held.entry.media.iter();
        let known = files.find(|(id, _)| Some(id) == media.as_ref());
        known.map(|(_, known)| known.state.clone())
    };
    let note = |media: &Option<MediaId>, found| DamageNote {
        recording: held.entry.id.clone(),
        state: state(media),
        media: media.clone(),
        found,
    };
    let harmed = findings.iter().map(|finding| {
        let harm = &finding.harm;
        note(
            &finding.media,
            Some((harm.name().to_owned(), harm.to_string())),
        )
    });
    let is_whole = |(media, harm): &&(Option<MediaId>, String)| {
        let was_read = media.as_ref().is_none_or(|id| reads.contains(id));
        findings.iter().all(|finding| finding.media != *media) && clears(harm, was_read)
    };
    let whole = held.damaged.iter().filter(is_whole);
    harmed
        .chain(whole.map(|(media, _)| note(media, None)))
        .collect()
}

/// A look that ended without an answer.
pub(super) fn panicked() -> RunError {
    RunError::Target(TargetError::Io {
        action: "look at",
        path: "a file of the archive".to_owned(),
        reason: "internal fault; please report it with the log".to_owned(),
    })
}

/// The way through the recordings.
struct Course<'a> {
    pass: &'a Pass,
    harmed: &'a dyn Harmed,
    last_remembered: Duration,
}

impl Course<'_> {
    /// Looks at those up to the mark of which harm is known, and that are not told yet: another verification has found
    /// it since they were read.
    async fn walk_known(
        &mut self,
        mark: &RecordingId,
        told: &BTreeSet<RecordingId>,
        progress: &mut Progress,
    ) -> Result<(), RunError> {
        let mut after = None;
        while let Some(page) = self.pass.page(after.as_ref()).await? {
            after = page.last().map(|last| last.entry.id.clone());
            let known = page.into_iter().filter(|held| {
                let id = &held.entry.id;
                id <= mark && !held.damaged.is_empty() && !told.contains(id)
            });
            self.walk(known.map(read_whole).collect(), progress).await?;
            if after.as_ref() >= Some(mark) {
                break;
            }
        }
        Ok(())
    }

    /// Looks at recordings, several at once; what is found is told in their order.
    async fn walk(&mut self, jobs: Vec<Job>, progress: &mut Progress) -> Result<(), RunError> {
        let pass = self.pass;
        let looks = jobs.into_iter().map(|(held, reads)| {
            let (target, pace) = (Arc::clone(&pass.ports.target), Arc::clone(&pass.pace));
            let stop = pass.stop.clone();
            let checkpoint = pass.checkpoint.get().copied();
            async move {
                // On threads of their own: to hash is work.
                let task = tokio::spawn(async move {
                    let target = target.as_ref();
                    let looked = look(target, &pace, &stop, &held, &reads, checkpoint).await;
                    (held, reads, looked)
                });
                task.await
            }
        });
        let mut looks = stream::iter(looks).buffered(pass.options.parallel.max(1));
        while let Some(done) = looks.next().await {
            let (held, reads, looked) = match done {
                Ok(done) => done,
                // It is not dropped before it ends, so it has panicked.
                Err(error) => {
                    tracing::error!(%error, "internal fault while looking at a recording");
                    return Err(panicked());
                }
            };
            if pass.stop.is_cancelled() {
                return Err(RunError::Interrupted);
            }
            let looked = looked?;
            pass.add(&looked.counts);
            let (held, looked) = pass.look_again(held, &reads, looked).await?;
            let is_harmed = !looked.findings.is_empty();
            self.note(&held, &reads, &looked).await?;
            self.tell(&held, looked).await?;
            progress.done(&held.entry.id, is_harmed);
            self.remember_now_and_then(progress).await?;
        }
        Ok(())
    }

    /// Lets the ledger know what is harmed, and what no longer is. Before anything is done about it: what is mended
    /// takes its note away.
    async fn note(
        &self,
        held: &HeldRecording,
        reads: &Reads,
        looked: &Looked,
    ) -> Result<(), RunError> {
        let (options, ports) = (&self.pass.options, &self.pass.ports);
        if !options.remembers {
            return Ok(());
        }
        let notes = notes(held, reads, &looked.findings);
        if notes.is_empty() {
            return Ok(());
        }
        let noted = ports.ledger.note_damage(ports.clock.now(), &notes).await;
        noted.map_err(RunError::Ledger)
    }

    /// Tells what is harmed or unknown.
    async fn tell(&self, held: &HeldRecording, looked: Looked) -> Result<(), RunError> {
        for path in looked.unknown {
            self.pass.tell(&VerifyEvent::Unknown { path });
        }
        for finding in &looked.findings {
            self.pass.tell(&VerifyEvent::Found(finding.clone()));
        }
        if looked.findings.is_empty() {
            return Ok(());
        }
        self.harmed.take(held, &looked.findings).await
    }

    async fn remember_now_and_then(&mut self, progress: &Progress) -> Result<(), RunError> {
        let now = self.pass.ports.clock.elapsed();
        if now < self.last_remembered + REMEMBER_EVERY {
            return Ok(());
        }
        self.last_remembered = now;
        self.pass.remember(Some(progress)).await
    }
}
