//! The server with a runtime of its own, for tests that drive the real program with `std::process`.

use std::io;
use std::ops::Deref;

use tokio::runtime::{Builder, Runtime};

use super::{SimOptions, SimProxy, SimServer};
use crate::cloud::SharedCloud;
use crate::faults::Faults;
use crate::quirks::Quirks;

/// A [`SimServer`] that runs by itself until it is dropped.
#[derive(Debug)]
pub struct BlockingSimServer {
    server: SimServer,
    runtime: Option<Runtime>,
}

impl BlockingSimServer {
    /// Starts with these options.
    ///
    /// # Errors
    /// When a port or a thread cannot be had.
    pub fn start(
        cloud: SharedCloud,
        quirks: Quirks,
        faults: Faults,
        options: SimOptions,
    ) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("rcbs-sim")
            .enable_all()
            .build()?;
        let server = runtime.block_on(SimServer::start_with(cloud, quirks, faults, options))?;
        Ok(Self {
            server,
            runtime: Some(runtime),
        })
    }

    /// Starts a forward proxy on the same runtime, see [`SimProxy::start`].
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start_proxy<'a>(
        &self,
        hosts: impl IntoIterator<Item = (&'a str, u16)>,
        login: Option<(&str, &str)>,
    ) -> io::Result<SimProxy> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(SimProxy::start(hosts, login)),
            None => Err(io::Error::other("the server has ended")),
        }
    }
}

impl Deref for BlockingSimServer {
    type Target = SimServer;

    fn deref(&self) -> &SimServer {
        &self.server
    }
}

impl Drop for BlockingSimServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Connections that hang on purpose must not hold up the test.
            runtime.shutdown_background();
        }
    }
}
