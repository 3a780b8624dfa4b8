//! Face 2: real HTTP on loopback, the web API and the store, for the real program, for operators and for benchmarks.

mod answer;
mod api;
mod blocking;
mod listen;
mod listing;
mod log;
mod objects;
mod proxy;
mod query;
mod s3;
mod wire;

pub use blocking::BlockingSimServer;
pub use log::{RequestCounts, RequestLog, Seen};
pub use proxy::{ProxySeen, SimProxy};

use std::io;
use std::sync::Arc;

use crate::cloud::SharedCloud;
use crate::faults::Faults;
use crate::quirks::Quirks;
use listen::{Listening, bind, serve_http};

/// Who is let in, and on which ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimOptions {
    /// `GWS_USERNAME`.
    pub user: String,
    /// `GWS_PASSWORD`.
    pub password: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_key: String,
    /// Port of the web API; 0 takes a free one.
    pub api_port: u16,
    /// Port of the store; 0 takes a free one.
    pub s3_port: u16,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            user: "backup@sim".to_owned(),
            password: "pretend-password".to_owned(),
            access_key: "SIMACCESSKEY00000001".to_owned(),
            secret_key: "pretend/secret/key".to_owned(),
            api_port: 0,
            s3_port: 0,
        }
    }
}

/// A pretend cloud on two loopback ports. Dropping it closes them and all their connections.
#[derive(Debug)]
pub struct SimServer {
    /// `gwsUriPrefix`: the web API up to and with `/api/v2`.
    pub api_url: String,
    /// `awsEndpoint`: the store.
    pub s3_url: String,
    /// Who is let in.
    pub options: SimOptions,
    cloud: SharedCloud,
    faults: Faults,
    log: RequestLog,
    ports: [u16; 2],
    _listening: [Listening; 2],
}

impl SimServer {
    /// Starts with the usual logins on free ports.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(
        cloud: impl Into<SharedCloud>,
        quirks: Quirks,
        faults: Faults,
    ) -> io::Result<Self> {
        Self::start_with(cloud, quirks, faults, SimOptions::default()).await
    }

    /// Starts with these options.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start_with(
        cloud: impl Into<SharedCloud>,
        quirks: Quirks,
        faults: Faults,
        options: SimOptions,
    ) -> io::Result<Self> {
        let (cloud, log) = (cloud.into(), RequestLog::default());
        let (api_listener, s3_listener) =
            (bind(options.api_port).await?, bind(options.s3_port).await?);
        let origin = format!("http://{}", api_listener.local_addr()?);
        let s3_url = format!("http://{}", s3_listener.local_addr()?);
        let api = api::Api::new(
            cloud.clone(),
            quirks.clone(),
            faults.clone(),
            log.clone(),
            origin.clone(),
            &options.user,
            &options.password,
        );
        let store = s3::Store::new(
            cloud.clone(),
            quirks,
            faults.clone(),
            log.clone(),
            &options.access_key,
            &options.secret_key,
        );
        let api = serve_http(
            api_listener,
            Arc::new(api),
            |api, request, wire| async move { api.respond(&request, &wire).await },
        )?;
        let store = serve_http(
            s3_listener,
            Arc::new(store),
            |store, request, wire| async move { store.respond(request, &wire).await },
        )?;
        Ok(Self {
            api_url: format!("{origin}{}", api::PREFIX),
            s3_url,
            options,
            cloud,
            faults,
            log,
            ports: [api.address.port(), store.address.port()],
            _listening: [api, store],
        })
    }

    /// Starts on a thread of its own, for tests that have no runtime.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start_blocking(
        cloud: impl Into<SharedCloud>,
        quirks: Quirks,
        faults: Faults,
    ) -> io::Result<BlockingSimServer> {
        BlockingSimServer::start(cloud.into(), quirks, faults, SimOptions::default())
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> &RequestLog {
        &self.log
    }

    /// The cloud behind it, to look at and to change.
    #[must_use]
    pub fn cloud(&self) -> &SharedCloud {
        &self.cloud
    }

    /// The faults, to add to and to clear.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The port of the web API.
    #[must_use]
    pub fn api_port(&self) -> u16 {
        self.ports[0]
    }

    /// The port of the store.
    #[must_use]
    pub fn s3_port(&self) -> u16 {
        self.ports[1]
    }

    /// The lines of a `config.properties` that lead here.
    #[must_use]
    pub fn config_lines(&self) -> String {
        format!(
            "gwsUriPrefix={}\nawsEndpoint={}\n",
            self.api_url, self.s3_url
        )
    }

    /// The four environment variables that let one in.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("GWS_USERNAME", self.options.user.clone()),
            ("GWS_PASSWORD", self.options.password.clone()),
            ("AWS_ACCESS_KEY_ID", self.options.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.options.secret_key.clone()),
        ]
    }
}
