//! Lists slices: asks what the walk wants to know, and hands on what the answers announce.

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::error::DiscoverError;
use super::facts::floor_ms;
use super::learned::Learned;
use super::resolve::{Found, Reading, Resolved, Tally, resolve};
use super::seen::Seen;
use super::silence;
use super::survey::Survey;
use super::walk::Step;
use crate::plan::Slice;
use crate::ports::RecordingApi;
use crate::recording::Endpoint;
use crate::text::printable;

/// Lists of one slice that may be asked for besides one for each recording it brings. A complete walk needs a fiftieth of
/// that, so whoever gets here goes round in circles on a server that cannot be read completely.
const PAGES_ANYWAY: u64 = 300;

/// Recordings that are asked for by themselves at the same time, at most.
const AT_ONCE: usize = 8;

/// Lists the slices of a window, one after the other and oldest first. What it finds out about the server with one slice
/// spares calls for the next.
#[derive(Debug)]
pub struct Discovery {
    survey: Survey,
    seen: Seen,
    tells_refused_links: bool,
    at_once: usize,
    endpoint: Option<Endpoint>,
}

/// What one answer of the server brought.
#[derive(Debug, Default)]
pub struct Batch {
    /// Recordings that start in the window, or of which nobody knows when; not only of the slice that is listed.
    pub found: Vec<Found>,
    /// What the server did wrong, as sentences. Nothing of it can ever be stored.
    pub faults: Vec<String>,
    /// What an operator should know.
    pub warnings: Vec<String>,
}

/// A slice that was listed completely.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SliceReport {
    /// Recordings handed on, also those of later slices. They are counted again when they were handed on as changed.
    pub recordings: u64,
    /// Lists asked for; none when an earlier slice's list covered this one.
    pub pages: u64,
}

impl Discovery {
    /// Begins with the whole window, the present, and what earlier runs have learned of the server.
    #[must_use]
    pub fn new(window: Slice, now: Timestamp, learned: Learned) -> Self {
        Self {
            survey: Survey::new(window, now, learned),
            seen: Seen::default(),
            tells_refused_links: true,
            at_once: AT_ONCE,
            endpoint: None,
        }
    }

    /// Reads recordings as those of a store of one's own: URLs below its address name objects too.
    #[must_use]
    pub fn placing_at(self, endpoint: Option<Endpoint>) -> Self {
        Self { endpoint, ..self }
    }

    /// Asks for no more than so many recordings at the same time, should they have to be asked for by themselves.
    #[must_use]
    pub fn asking_at_once(mut self, most: usize) -> Self {
        self.at_once = most.clamp(1, AT_ONCE);
        self
    }

    /// What is worth remembering for the next run.
    #[must_use]
    pub fn learned(&self) -> Learned {
        self.survey.learned()
    }

    /// Lists a slice and hands on what it finds, page by page, waiting while `sink` is full.
    ///
    /// Errors of `api` are final: whoever wants to try again wraps it.
    ///
    /// # Errors
    /// [`DiscoverError`] when not all of the slice is sure to have been seen; what was seen is handed on all the same.
    /// The next slice can be listed after that.
    pub async fn list_slice(
        &mut self,
        api: &dyn RecordingApi,
        slice: Slice,
        sink: &mpsc::Sender<Batch>,
    ) -> Result<SliceReport, DiscoverError> {
        let mut report = SliceReport::default();
        let mut tally = Tally::default();
        let mut walk = self.survey.walk(slice);
        let ended = loop {
            let request = match walk.step() {
                Step::Ask(request) => request,
                Step::Done => break Ok(()),
                Step::Failed(error) => break Err(error),
            };
            if report.pages == 0 {
                self.seen.turn();
            }
            report.pages += 1;
            if report.pages > PAGES_ANYWAY + report.recordings {
                break Err(DiscoverError::Endless {
                    pages: report.pages,
                });
            }
            let learned = &mut walk.survey().server.learned;
            let page = match silence::list(api, &request, learned).await {
                Ok(page) => page,
                Err(error) => {
                    walk.on_error(&error);
                    continue;
                }
            };
            let mut batch = Batch::default();
            if let Some(link) = page
                .refused_link
                .as_deref()
                .filter(|_| self.tells_refused_links)
            {
                self.tells_refused_links = false;
                let text = printable(link);
                batch
                    .warnings
                    .push(format!("a link to further pages is not followed: {text}"));
            }
            let reading = Reading {
                endpoint: self.endpoint.as_ref(),
                at_once: self.at_once,
            };
            let resolved = resolve(api, page, &mut self.seen, &mut tally, reading).await;
            let Resolved {
                facts,
                found,
                faults,
            } = match resolved {
                Ok(resolved) => resolved,
                Err(error) => break Err(error),
            };
            walk.on_page(&facts);
            let survey = walk.survey();
            batch.faults = faults;
            batch.faults.append(&mut survey.take_faults());
            batch.warnings.append(&mut survey.take_warnings());
            let is_wanted = |found: &Found| survey.wants(found.recording.start.map(floor_ms));
            batch.found = found.into_iter().filter(is_wanted).collect();
            report.recordings += batch.found.len() as u64;
            let is_empty =
                batch.found.is_empty() && batch.faults.is_empty() && batch.warnings.is_empty();
            if !is_empty && sink.send(batch).await.is_err() {
                return Err(DiscoverError::ReceiverGone);
            }
        };
        drop(walk);
        ended?;
        tally.flaw().map_or(Ok(report), Err)
    }
}
