//! Pretends: a recording cloud with its web API and its S3 store, for tests and rehearsals, never for real.
//!
//! One model of the cloud ([`Cloud`]) stands behind two faces: the ports of `rcbs-core` in process ([`ports`]), where
//! paused time makes hours pass in no time, and real HTTP on loopback ([`server`]), where the real program meets real
//! bytes. What the public facts leave open is a switch ([`quirks`]); what goes wrong is a script ([`faults`]); both mean
//! the same behind either face. Everything follows from a seed, so a cloud that is started again is the same cloud.
//!
//! ```
//! use jiff::SignedDuration;
//! use rcbs_sim::{Cloud, SharedCloud};
//! use rcbs_sim::faults::Faults;
//! use rcbs_sim::ports::{SimApi, SimStore};
//! use rcbs_sim::quirks::Quirks;
//!
//! let cloud: SharedCloud = Cloud::new(7)
//!     .recording("01F62DGIBGD8369P7GC362LAES00000G")
//!     .at("2018-02-12T19:04:11Z")
//!     .lasting_s(342)
//!     .audio()
//!     .screen_late_by(SignedDuration::from_hours(3))
//!     .build()
//!     .into();
//! let api = SimApi::new(&cloud, Quirks::default(), Faults::none());
//! let store = SimStore::new(&cloud, Quirks::default(), Faults::from_texts(["object 1: cut after=1000"])?);
//! # drop((api, store));
//! # Ok::<(), rcbs_sim::faults::FaultError>(())
//! ```

pub mod cloud;
pub mod faults;
pub mod ports;
pub mod quirks;
pub mod samples;
pub mod seal;
pub mod server;

mod body;
mod clock;
mod facts;
mod page_faults;
mod reading;
mod render;
mod search;
mod seed;

pub use clock::SimClock;
pub use cloud::{Change, Cloud, Content, Form, MediaSize, SharedCloud, digest};
pub use seal::{Identity, Recipient};
pub use seed::{Seed, hex};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The unreserved characters (RFC 3986, 2.3) stay as they are.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A key as it stands in a URL: slashes divide it.
pub(crate) fn url_path(key: &str) -> String {
    const PATH: &AsciiSet = &SEGMENT.remove(b'/');
    utf8_percent_encode(key, PATH).to_string()
}

/// An id as it stands in a URL: one segment, whatever it contains.
pub(crate) fn url_segment(id: &str) -> String {
    utf8_percent_encode(id, SEGMENT).to_string()
}
