//! Proves files, manifests, chain and signatures by each other: offline, and without the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::look::{Reader, unreadable};
use super::pass::Pass;
use super::{VerifyEnd, count};
use crate::digest::sha256;
use crate::manifest::{
    FILE_NAME, Line, Manifest, PartName, Previous, PublicKey, SIGNATURE_NAME, State, TOP,
};
use crate::ports::{Clock, Target};
use crate::rate::{Bandwidth, Pace};
use crate::run::RunError;
use crate::run::adopt::MEDIA_ENDING;
use crate::run::manifest::{CHAIN, READ_BYTES};
use crate::store::{Folder, SafeName};
use crate::text::hex;
use crate::verify::{
    Chain, Content, ManifestFinding, ManifestHarm, VerifyEvent, VerifySummary, Witness,
};

/// Files of a manifest whose reading is prepared at a time.
const LINES_AT_ONCE: usize = 256;

/// How manifests are verified.
#[derive(Debug, Clone)]
pub struct ManifestsOptions {
    /// Checks signatures, where it is there.
    pub public_key: Option<PublicKey>,
    /// Most bytes a second that are read.
    pub limit_bytes_per_s: Option<u64>,
    /// Files that are read at the same time, at least 1.
    pub parallel: usize,
}

/// Reads every manifest and every file that one names, and compares them.
///
/// Of several lines for one file the last one counts: metadata that changed are listed again. A file that fits none of
/// them is told once, by the last. Of media that a later line has with another digest than an earlier one it is told
/// that they changed: seldom, so it is worth a look.
pub async fn verify_manifests(
    target: Arc<dyn Target>,
    clock: Arc<dyn Clock>,
    options: ManifestsOptions,
    witness: Arc<dyn Witness>,
    interrupt: CancellationToken,
) -> VerifyEnd {
    let mut walk = Walk {
        pace: Arc::new(Pace::new(
            clock,
            Bandwidth::always(options.limit_bytes_per_s),
        )),
        target,
        options,
        witness,
        stop: interrupt,
        summary: VerifySummary::default(),
        chain: Chain::default(),
        unlike: HashMap::new(),
        unchecked: false,
    };
    let done = walk.go().await;
    VerifyEnd {
        summary: walk.summary,
        stopped: done.err(),
    }
}

struct Walk {
    target: Arc<dyn Target>,
    pace: Arc<Pace>,
    options: ManifestsOptions,
    witness: Arc<dyn Witness>,
    stop: CancellationToken,
    summary: VerifySummary,
    chain: Chain,
    /// Files that are not as an earlier manifest says: a later one may have another line for them. As many as there
    /// are damaged or replaced files, however large the archive is.
    unlike: HashMap<String, (PartName, ManifestHarm)>,
    /// A signature was met without a key.
    unchecked: bool,
}

impl Walk {
    async fn go(&mut self) -> Result<(), RunError> {
        for year in self
            .sorted(&Folder::top().join(SafeName::encode(TOP)))
            .await?
        {
            let names = self.sorted(&year).await?;
            let name_of = |folder: &Folder| PartName::parse(folder.parts().last()?.as_str());
            for name in names.iter().filter_map(name_of) {
                if self.stop.is_cancelled() {
                    return Err(RunError::Interrupted);
                }
                self.manifest(name).await?;
            }
        }
        if self.summary.manifests == 0 {
            // Nothing proves anything; whoever takes all of them away must not be told that all is well.
            self.found(TOP.to_owned(), None, ManifestHarm::Missing);
        }
        let mut unlike: Vec<_> = self.unlike.drain().collect();
        unlike.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, (name, harm)) in unlike {
            self.found(path, Some(name.path()), harm);
        }
        if self.unchecked {
            self.witness.on(&VerifyEvent::SignaturesNotChecked);
        }
        Ok(())
    }

    /// The folders inside a folder, in the order of their names.
    async fn sorted(&self, folder: &Folder) -> Result<Vec<Folder>, RunError> {
        let names = self.target.folders(folder).await;
        let mut names = names.map_err(RunError::Target)?;
        names.sort_unstable();
        let inside = |name: &String| Some(folder.join(SafeName::from_disk(name)?));
        Ok(names.iter().filter_map(inside).collect())
    }

    async fn manifest(&mut self, name: PartName) -> Result<(), RunError> {
        self.summary.manifests += 1;
        let path = name.path();
        let bytes = match self.read(name, FILE_NAME).await? {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                self.found(path, None, ManifestHarm::Missing);
                return Ok(());
            }
            Err(reason) => {
                self.found(path, None, ManifestHarm::Unreadable { reason });
                return Ok(());
            }
        };
        let read = Manifest::parse(&bytes);
        let signature = self.read(name, SIGNATURE_NAME).await?.unwrap_or_default();
        let found = Previous {
            name,
            sha256: sha256(&bytes),
            signature_sha256: signature.as_ref().map(|bytes| sha256(bytes)),
        };
        if let Some(harm) = self.chain.next(found, read.as_ref().ok()) {
            self.found(path.clone(), None, harm);
        }
        match &self.options.public_key {
            Some(key) => {
                let is_good = signature.map(|signature| key.verifies(&bytes, &signature));
                self.summary.signatures += u64::from(is_good == Some(true));
                if let Some(harm) = self.chain.signature(is_good) {
                    self.found(path.clone(), None, harm);
                }
            }
            None => self.unchecked |= signature.is_some(),
        }
        match read {
            Ok(manifest) => self.lines(name, manifest.lines).await,
            Err(error) => {
                let reason = error.to_string();
                self.found(path, None, ManifestHarm::Malformed { reason });
                Ok(())
            }
        }
    }

    /// A manifest or a signature; `Err` with the system's words where it cannot be read.
    async fn read(
        &self,
        name: PartName,
        file: &str,
    ) -> Result<Result<Option<bytes::Bytes>, String>, RunError> {
        let (folder, file) = (name.folder(), SafeName::encode(file));
        match self.target.read(&folder, &file, 0, READ_BYTES).await {
            Ok(read) => Ok(Ok(read)),
            Err(error) => Ok(Err(unreadable(error)?)),
        }
    }

    /// Compares the files of one manifest. The manifest before it is among its lines and was compared by the chain.
    async fn lines(&mut self, name: PartName, lines: Vec<Line>) -> Result<(), RunError> {
        let mut of_files = lines
            .into_iter()
            .filter(|line| !PartName::is_at(&line.path));
        loop {
            let some: Vec<_> = of_files
                .by_ref()
                .take(LINES_AT_ONCE)
                .map(|line| self.reading(line))
                .collect();
            if some.is_empty() {
                return Ok(());
            }
            let mut reads = stream::iter(some).buffered(self.options.parallel.max(1));
            while let Some(done) = reads.next().await {
                let (line, content) = done?;
                self.line(name, line, content);
            }
        }
    }

    /// Reads the file of a line, once it is polled.
    fn reading(
        &self,
        line: Line,
    ) -> impl Future<Output = Result<(Line, Content), RunError>> + use<> {
        let (target, pace) = (Arc::clone(&self.target), Arc::clone(&self.pace));
        let stop = self.stop.clone();
        async move {
            let task = tokio::spawn(async move {
                let read = read_file(target.as_ref(), &pace, &stop, &line).await;
                read.map(|content| (line, content))
            });
            task.await.unwrap_or_else(|_| Err(super::pass::panicked()))
        }
    }

    fn line(&mut self, name: PartName, line: Line, content: Content) {
        let harm = match content {
            Content::Whole { len_bytes, sha256 } => {
                self.summary.read_files += 1;
                self.summary.read_bytes += len_bytes;
                (sha256 != line.sha256).then_some(ManifestHarm::Digest)
            }
            Content::Unreadable(reason) => Some(ManifestHarm::Unreadable { reason }),
            Content::NotRead | Content::Head(_) => Some(ManifestHarm::Missing),
        };
        self.summary.lines += 1;
        // What an earlier line says no longer counts.
        let earlier = self.unlike.remove(&line.path);
        if let Some((before, ManifestHarm::Digest)) = earlier
            && line.path.ends_with(MEDIA_ENDING)
            && before != name
        {
            self.tell(&VerifyEvent::Changed {
                path: line.path.clone(),
                before: before.path(),
                now: name.path(),
            });
        }
        if let Some(harm) = harm {
            self.unlike.insert(line.path, (name, harm));
        }
        self.witness.on(&VerifyEvent::Progress(self.summary));
    }

    fn found(&mut self, path: String, listed_in: Option<String>, harm: ManifestHarm) {
        self.tell(&VerifyEvent::FoundInManifests(ManifestFinding {
            path,
            listed_in,
            harm,
        }));
    }

    fn tell(&mut self, event: &VerifyEvent) {
        count(&mut self.summary, event);
        self.witness.on(event);
    }
}

/// Every byte of the file of a line; `NotRead` when it is not there.
async fn read_file(
    target: &dyn Target,
    pace: &Pace,
    stop: &CancellationToken,
    line: &Line,
) -> Result<Content, RunError> {
    let (folder, name) = line.path.rsplit_once('/').unwrap_or(("", &line.path));
    let (Some(folder), Some(name)) = (Folder::from_text(folder), SafeName::from_disk(name)) else {
        return Ok(Content::Unreadable(
            "its name is not one of an archive".to_owned(),
        ));
    };
    let reader = Reader {
        target,
        pace,
        stop,
        folder: &folder,
    };
    reader.whole_if_there(&name).await
}

/// Compares the newest manifest with what the ledger knows of it: manifests by themselves do not tell when the last of
/// them are gone.
pub(super) async fn check_end(pass: &Pass) -> Result<(), RunError> {
    let mut state = recall(pass).await?;
    loop {
        let harm = look_at_end(pass, &state).await?;
        let now = recall(pass).await?;
        // A run says what it is about to write before it writes it: what was found was meant while nothing changed.
        if let (Some(finding), true) = (&harm, now == state) {
            pass.tell(&VerifyEvent::FoundInManifests(finding.clone()));
        }
        if harm.is_none() || now == state {
            return Ok(());
        }
        state = now;
    }
}

async fn recall(pass: &Pass) -> Result<State, RunError> {
    let text = pass.ports.ledger.recall(CHAIN).await;
    Ok(State::recalled(text.map_err(RunError::Ledger)?.as_deref()))
}

async fn look_at_end(pass: &Pass, state: &State) -> Result<Option<ManifestFinding>, RunError> {
    let head = state.head.as_ref();
    let Some((head, name)) = head.and_then(|head| Some((head, head.name()?))) else {
        return Ok(None);
    };
    let (folder, file) = (name.folder(), SafeName::encode(FILE_NAME));
    let harm = match pass.ports.target.read(&folder, &file, 0, READ_BYTES).await {
        Ok(Some(bytes)) => {
            let found = hex(&sha256(&bytes));
            let intended = state.intent.as_ref().map(|intent| intent.sha256.as_str());
            let is_known = found == head.sha256 || Some(found.as_str()) == intended;
            (!is_known).then_some(ManifestHarm::Digest)
        }
        Ok(None) => Some(ManifestHarm::Missing),
        Err(error) => Some(ManifestHarm::Unreadable {
            reason: unreadable(error)?,
        }),
    };
    Ok(harm.map(|harm| ManifestFinding {
        path: name.path(),
        listed_in: None,
        harm,
    }))
}
