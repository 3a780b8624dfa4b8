//! Reads the manifests that the ledger knows nothing of, before anything is checked in place: what they say of a file
//! counts until the ledger has an entry for it.
//!
//! A ledger that is lost knows none, one that was restored not the newest. From the oldest to the newest, a manifest in
//! memory at a time; of several lines for one file the last counts.

use super::RunError;
use super::context::Context;
use super::manifest::READ_BYTES;
use super::verify::unreadable;
use crate::digest::sha256;
use crate::manifest::{
    FILE_NAME, Line, Manifest, PartName, Previous, PublicKey, SIGNATURE_NAME, State, TOP,
};
use crate::ports::Settlement;
use crate::run::manifest::CHAIN;
use crate::store::{Folder, SafeName};
use crate::verify::{Chain, ManifestHarm};

/// The fact under which the ledger remembers the newest manifest that was read, as a line about it.
const READ: &str = "manifests_read";
/// Lines noted in one transaction.
const BATCH: usize = 4_000;

/// Notes what the ledger does not know yet.
pub(crate) async fn note(context: &Context) -> Result<(), RunError> {
    let known = Known::recall(context).await?;
    let mut reading = Reading {
        context,
        key: context
            .options
            .manifest_key
            .as_ref()
            .map(|key| key.public_key()),
        chain: Chain::default(),
        newest: None,
        first_harm: None,
        harmed: 0,
    };
    for name in names(context, known.newest).await? {
        if context.halt.is_stopped() {
            // Nothing may be checked in place with a part of what there is to know.
            return Err(RunError::Interrupted);
        }
        reading.manifest(name, &known).await?;
    }
    reading.end().await
}

/// The manifests whose files the ledger has entries or notes of.
struct Known {
    newest: Option<PartName>,
    /// As they were written or read.
    lines: Vec<Line>,
}

impl Known {
    async fn recall(context: &Context) -> Result<Self, RunError> {
        let ledger = &context.ports.ledger;
        let chain = ledger.recall(CHAIN).await.map_err(RunError::Ledger)?;
        let read = ledger.recall(READ).await.map_err(RunError::Ledger)?;
        let state = State::recalled(chain.as_deref());
        let written = [state.head, state.intent].into_iter().flatten();
        let mut lines: Vec<Line> = written.flat_map(|link| link.lines()).collect();
        if let Ok(read) = Manifest::parse(read.unwrap_or_default().as_bytes()) {
            lines.extend(read.lines);
        }
        let names = lines.iter().map(|line| PartName::of_manifest(&line.path));
        Ok(Self {
            newest: names.flatten().max(),
            lines,
        })
    }

    fn is(&self, path: &str, sha256: [u8; 32]) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|line| line.path == path && line.sha256 == sha256)
    }
}

/// The manifests on disk in their order, from the newest one that is known: more may have been written into it.
async fn names(context: &Context, from: Option<PartName>) -> Result<Vec<PartName>, RunError> {
    let target = &context.ports.target;
    let top = Folder::top().join(SafeName::encode(TOP));
    let years = target.folders(&top).await.map_err(RunError::Target)?;
    let first = from.map(|from| format!("{:04}", from.day().year()));
    let mut names = Vec::new();
    for year in years.iter().filter(|year| first.as_ref() <= Some(*year)) {
        let Some(year) = SafeName::from_disk(year) else {
            continue;
        };
        let inside = target.folders(&top.join(year)).await;
        let inside = inside.map_err(RunError::Target)?;
        names.extend(inside.iter().filter_map(|name| PartName::parse(name)));
    }
    names.retain(|name| from <= Some(*name));
    names.sort_unstable();
    Ok(names)
}

struct Reading<'a> {
    context: &'a Context,
    key: Option<PublicKey>,
    chain: Chain,
    /// The newest manifest that was read.
    newest: Option<Line>,
    /// Where something does not fit for the first time.
    first_harm: Option<(String, ManifestHarm)>,
    harmed: u64,
}

impl Reading<'_> {
    async fn manifest(&mut self, name: PartName, known: &Known) -> Result<(), RunError> {
        let path = name.path();
        let bytes = match self.read(name, FILE_NAME).await? {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                self.harmed(&path, ManifestHarm::Missing);
                return Ok(());
            }
            Err(reason) => {
                self.harmed(&path, ManifestHarm::Unreadable { reason });
                return Ok(());
            }
        };
        let digest = sha256(&bytes);
        let signature = self.read(name, SIGNATURE_NAME).await?.unwrap_or_default();
        let parsed = Manifest::parse(&bytes);
        let found = Previous {
            name,
            sha256: digest,
            signature_sha256: signature.as_ref().map(|bytes| sha256(bytes)),
        };
        let broken = self.chain.next(found, parsed.as_ref().ok());
        // What is before the first one that is looked at was not looked at.
        let broken = broken.filter(|_| known.newest != Some(name));
        let is_good = |key: &PublicKey| signature.map(|it| key.verifies(&bytes, &it));
        let unsigned = match self.key.as_ref().map(is_good) {
            Some(is_good) => self.chain.signature(is_good),
            None => None,
        };
        if known.is(&path, digest) {
            return Ok(());
        }
        let (manifest, malformed) = match parsed {
            Ok(manifest) => (manifest, None),
            Err(error) => {
                let reason = error.to_string();
                let harm = ManifestHarm::Malformed { reason };
                (Manifest::salvage(&bytes), Some(harm))
            }
        };
        if let Some(harm) = malformed.or(broken).or(unsigned) {
            self.harmed(&path, harm);
        }
        self.newest = Some(Line {
            sha256: digest,
            path,
        });
        self.lines(manifest.lines).await
    }

    /// A manifest or a signature; `Err` with the system's words where it cannot be read.
    async fn read(
        &self,
        name: PartName,
        file: &str,
    ) -> Result<Result<Option<bytes::Bytes>, String>, RunError> {
        let (folder, file) = (name.folder(), SafeName::encode(file));
        let target = &self.context.ports.target;
        match target.read(&folder, &file, 0, READ_BYTES).await {
            Ok(read) => Ok(Ok(read)),
            Err(error) => Ok(Err(unreadable(error)?)),
        }
    }

    async fn lines(&self, lines: Vec<Line>) -> Result<(), RunError> {
        let mut of_files = lines
            .into_iter()
            .filter(|line| !PartName::is_at(&line.path))
            .peekable();
        while of_files.peek().is_some() {
            let batch = of_files.by_ref().take(BATCH);
            let batch: Vec<_> = batch
                .map(|line| Settlement::Noted {
                    path: line.path,
                    sha256: Some(line.sha256),
                })
                .collect();
            self.context.settle(&batch).await?;
        }
        Ok(())
    }

    fn harmed(&mut self, path: &str, harm: ManifestHarm) {
        self.harmed += 1;
        self.first_harm
            .get_or_insert_with(|| (path.to_owned(), harm));
    }

    /// Remembers how far it came, and warns of what does not fit: once, however much that is.
    async fn end(self) -> Result<(), RunError> {
        let context = self.context;
        if let Some((path, harm)) = self.first_harm {
            let more = match self.harmed - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            context.events.warn(format!(
                "{path}{more} does not fit: {harm}; what can be read of it counts all the same, so a file may be called \
                 damaged that is not. \"rcbs verify --manifests\" tells more"
            ));
        }
        let Some(newest) = self.newest else {
            return Ok(());
        };
        let read = Manifest {
            lines: vec![newest],
        };
        let ledger = &context.ports.ledger;
        let noted = ledger.remember(READ, Some(&read.to_text())).await;
        noted.map_err(RunError::Ledger)
    }
}
