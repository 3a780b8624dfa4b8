//! Goes through the ledger in the order of the ids, looks at many recordings at once, and remembers how far it has come.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::look::{Looked, look};
use super::{Harmed, VerifyOptions, VerifyPorts, count, manifests, strangers};
use crate::ports::{EntryState, HeldRecording, MediaEntry, MediaKey, TargetError};
use crate::rate::{Bandwidth, Pace};
use crate::recording::{MediaId, RecordingId};
use crate::run::RunError;
use crate::verify::{Progress, Sample, VerifyEvent, VerifySummary, Witness};

/// Recordings read from the ledger at a time.
const PAGE: usize = 100;
/// The fact under which the ledger remembers how far a full reading has come.
const PROGRESS: &str = "verify_progress";
/// So often it is told; a kill costs that much reading.
const REMEMBER_EVERY: Duration = Duration::from_secs(5);
/// A run that has just replaced a file tells the ledger within this time.
const SECOND_LOOK_AFTER: Duration = Duration::from_secs(1);
/// Recordings that wait for their second look: one wait serves them all.
const SUSPECTS_MOST: usize = 1_000;

/// One verification.
pub(super) struct Pass {
    pub(super) ports: VerifyPorts,
    options: VerifyOptions,
    witness: Arc<dyn Witness>,
    stop: CancellationToken,
    /// Somebody else may be changing the archive.
    beside_others: bool,
    pace: Arc<Pace>,
    summary: Mutex<VerifySummary>,
}

/// A recording, and which of its media files are read.
type Job = (HeldRecording, Vec<bool>);

impl Pass {
    pub(super) fn new(
        ports: VerifyPorts,
        options: VerifyOptions,
        witness: Arc<dyn Witness>,
        stop: CancellationToken,
        beside_others: bool,
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
            beside_others,
            pace: Arc::new(pace),
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
            suspects: Vec::new(),
            last_remembered: self.ports.clock.elapsed(),
        };
        let mut again = Vec::new();
        for id in progress.take_harmed() {
            if let Some(held) = self.held(&id).await? {
                let reads = vec![true; held.entry.media.len()];
                again.push((held, reads));
            }
        }
        let walked = async {
            course.walk(again, &mut progress).await?;
            let mut after = progress.after();
            loop {
                let page = self.ports.ledger.recordings(after.as_ref(), PAGE).await;
                let page = page.map_err(RunError::Ledger)?;
                let Some(last) = page.last() else {
                    break;
                };
                after = Some(last.entry.id.clone());
                let jobs = page
                    .into_iter()
                    .map(|held| with_sample(held, &mut sample))
                    .collect();
                course.walk(jobs, &mut progress).await?;
            }
            course.second_looks().await
        };
        let walked = walked.await;
        // Also when it was stopped: that is what the note is for.
        if let Err(error) = walked {
            self.remember(Some(&progress)).await?;
            return Err(error);
        }
        self.remember(None).await?;
        strangers::find(self, &self.stop).await?;
        manifests::check_end(self).await
    }

    /// What the ledger knows of one recording now.
    pub(super) async fn held(&self, id: &RecordingId) -> Result<Option<HeldRecording>, RunError> {
        let held = self.ports.ledger.held(id).await;
        held.map_err(RunError::Ledger)
    }

    /// Looks at one recording; every media file is read where `reads` says so.
    pub(super) async fn look(
        &self,
        held: &HeldRecording,
        reads: &[bool],
    ) -> Result<Looked, RunError> {
        let target = self.ports.target.as_ref();
        look(target, &self.pace, &self.stop, held, reads).await
    }

    /// Gives a run at work the time to tell the ledger what it has just done.
    pub(super) async fn wait_for_others(&self) {
        if self.beside_others {
            self.ports.clock.sleep(SECOND_LOOK_AFTER).await;
        }
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
        let now = *summary;
        drop(summary);
        self.witness.on(&VerifyEvent::Progress(now));
    }
}

fn with_sample(held: HeldRecording, sample: &mut Sample) -> Job {
    let recording = &held.entry.id;
    let takes = |(media, known): &(MediaId, MediaEntry)| match known.state {
        EntryState::Verified { len_bytes, .. } => {
            let key = MediaKey {
                recording: recording.clone(),
                media: media.clone(),
            };
            sample.takes(&key, len_bytes)
        }
        _ => false,
    };
    let reads = held.entry.media.iter().map(takes).collect();
    (held, reads)
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
    suspects: Vec<(Job, Looked)>,
    last_remembered: Duration,
}

impl Course<'_> {
    /// Looks at recordings, several at once; what is found is told in their order.
    async fn walk(&mut self, jobs: Vec<Job>, progress: &mut Progress) -> Result<(), RunError> {
        let pass = self.pass;
        let looks = jobs.into_iter().map(|(held, reads)| {
            let (target, pace) = (Arc::clone(&pass.ports.target), Arc::clone(&pass.pace));
            let stop = pass.stop.clone();
            async move {
                // On threads of their own: to hash is work.
                let task = tokio::spawn(async move {
                    let looked = look(target.as_ref(), &pace, &stop, &held, &reads).await;
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
            progress.done(&held.entry.id, !looked.findings.is_empty());
            if !looked.findings.is_empty() || !looked.unknown.is_empty() {
                self.suspects.push(((held, reads), looked));
            }
            if self.suspects.len() >= SUSPECTS_MOST || !pass.beside_others {
                self.second_looks().await?;
            }
            self.remember_now_and_then(progress).await?;
        }
        Ok(())
    }

    /// Tells what is harmed or unknown, where others may be at work only after a second look.
    async fn second_looks(&mut self) -> Result<(), RunError> {
        let pass = self.pass;
        let suspects = std::mem::take(&mut self.suspects);
        if !suspects.is_empty() {
            pass.wait_for_others().await;
        }
        for ((mut held, reads), mut looked) in suspects {
            if pass.beside_others {
                let Some(now) = pass.held(&held.entry.id).await? else {
                    continue;
                };
                held = now;
                looked = pass.look(&held, &reads).await?;
            }
            for path in looked.unknown {
                pass.tell(&VerifyEvent::Unknown { path });
            }
            for finding in &looked.findings {
                pass.tell(&VerifyEvent::Found(finding.clone()));
            }
            if !looked.findings.is_empty() {
                self.harmed.take(&held, &looked.findings).await?;
            }
        }
        Ok(())
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
