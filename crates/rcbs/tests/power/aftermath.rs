//! The next run on a disk that a power cut has left: what must hold before and after it is asked of `support/invariants.rs`,
//! and in the end the archive says itself that it is whole.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rcbs_core::event::{Event, Listener};
use rcbs_core::plan::Instance;
use rcbs_core::run::{Outcome, Ports, VerifyPorts, outcome, run, verify, verify_manifests};
use rcbs_io::target::TargetView;
use rcbs_sim::faults::Faults;
use rcbs_sim::ports::{SimApi, SimStore};
use rcbs_sim::quirks::Quirks;
use rcbs_sim::{SharedCloud, SimClock};
use tokio_util::sync::CancellationToken;

use crate::cut::Remains;
use crate::ports;
use crate::ports::looking::Said;
use crate::support::invariants::{Source, ensure};
use crate::support::scratch;

/// The archive that must be there in the end, and the cloud that it is a copy of.
pub struct Reference {
    pub cloud: SharedCloud,
    pub source: Source,
}

/// Puts the remains into a folder and checks them, lets the next run work, and checks what it leaves. `told` are the JSON
/// lines that the user had been told before the cut.
pub async fn check(reference: &Reference, remains: &Remains, told: &[u8]) -> Result<(), String> {
    let place = scratch();
    materialise(remains, place.path());
    let target = place.path().join("target");
    let state_folder = target.join(".rcbs");
    let source = &reference.source;
    let before = source.aftermath(&target, &state_folder)?;
    source.told(&before, told)?;
    let store = next_run(reference, &target).await?;
    let is_asked_for = |object: &str| store.calls().gets_of(object) > 0;
    source.next_run(&before, is_asked_for, &target, &state_folder)?;
    check_says_so_itself(reference, &target).await
}

fn materialise(remains: &Remains, place: &Path) {
    for folder in &remains.folders {
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700).recursive(true);
        builder.create(place.join(folder)).unwrap();
    }
    for (path, bytes) in &remains.files {
        let mut options = std::fs::OpenOptions::new();
        options.mode(0o600).write(true).create_new(true);
        let mut file = options.open(place.join(path)).unwrap();
        file.write_all(bytes).unwrap();
    }
}

struct Silent;

impl Listener for Silent {
    fn on(&self, _event: &Event) {}
}

/// The store that it asked.
async fn next_run(reference: &Reference, target: &Path) -> Result<Arc<SimStore>, String> {
    let world = World::around(reference);
    let mut options = ports::options();
    options.instance = Instance::all();
    let end = run(
        world.ports(target),
        options,
        Arc::new(Silent),
        CancellationToken::new(),
    )
    .await;
    ensure(outcome(&end) == Outcome::Complete, || {
        format!("the next run: {end:?}")
    })?;
    Ok(world.store)
}

struct World {
    api: Arc<SimApi>,
    store: Arc<SimStore>,
    clock: Arc<SimClock>,
}

impl World {
    fn around(reference: &Reference) -> Self {
        let (quirks, faults) = (Quirks::default(), Faults::none());
        Self {
            api: Arc::new(SimApi::new(
                &reference.cloud,
                quirks.clone(),
                faults.clone(),
            )),
            store: Arc::new(SimStore::new(&reference.cloud, quirks, faults)),
            clock: Arc::new(SimClock::starting_at(Timestamp::now())),
        }
    }

    fn ports(&self, target: &Path) -> Ports {
        let (api, store) = (Arc::clone(&self.api), Arc::clone(&self.store));
        ports::ports(api, store, &self.clock, target)
    }
}

/// `rcbs verify` finds nothing, neither by the ledger nor by the manifests.
async fn check_says_so_itself(reference: &Reference, target: &Path) -> Result<(), String> {
    let world = World::around(reference);
    let said = Arc::new(Said::default());
    let ports = world.ports(target);
    let ports = VerifyPorts {
        target: ports.target,
        ledger: ports.ledger,
        clock: ports.clock,
    };
    let options = ports::looking::every_byte();
    let never = CancellationToken::new();
    let clock = Arc::clone(&ports.clock);
    let looked = verify(ports, options, Arc::clone(&said) as Arc<_>, never.clone()).await;
    ensure(looked.stopped.is_none(), || {
        format!("verifying: {:?}", looked.stopped)
    })?;
    ensure(looked.summary.waiting == 0, || "something waits".to_owned())?;
    let view = Arc::new(TargetView::open(target).unwrap());
    let options = ports::looking::manifests();
    let proven = verify_manifests(view, clock, options, Arc::clone(&said) as Arc<_>, never).await;
    ensure(proven.stopped.is_none(), || {
        format!("manifests: {:?}", proven.stopped)
    })?;
    let said = said.0.lock().unwrap();
    ensure(said.is_empty(), || format!("verifying finds {said:?}"))
}
