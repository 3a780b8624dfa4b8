//! Opens connections: directly, or through a proxy and never around it.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::USER_AGENT;
use http::uri::Scheme;
use http::{HeaderMap, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use tokio::time::timeout;
use tower_service::Service;

use super::client::AGENT;
use super::proxy::Proxy;
use super::stream::Stream;
use super::{HttpError, tls};

/// How often the other side is asked whether it is still there, when nothing is said.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often in vain until a connection counts as dead.
const KEEP_ALIVE_TRIES: u32 = 3;

/// How long what was sent may stay unconfirmed.
#[cfg(target_os = "linux")]
const UNCONFIRMED: Duration = Duration::from_secs(30);

/// TCP, with TLS where the address says `https`.
type Direct = HttpsConnector<HttpConnector>;

type BoxError = Box<dyn Error + Send + Sync>;
type Connecting = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

/// The time for name, TCP, proxy and TLS together was not enough.
#[derive(Debug, thiserror::Error)]
#[error("no connection in time")]
pub(super) struct NotInTime;

/// Opens connections for the pool.
#[derive(Clone)]
pub(super) struct Connector {
    way: Way,
    within: Duration,
}

#[derive(Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are two of them in a process"
)]
enum Way {
    Direct(Direct),
    Through {
        proxy: Uri,
        /// For `http`: the proxy is sent the requests.
        to_proxy: Direct,
        /// For `https`: the proxy is asked for a tunnel, and TLS goes through it to the server.
        tunnel: HttpsConnector<Tunnel<Direct>>,
    },
}

impl Connector {
    pub(super) fn new(
        proxy: Option<Proxy>,
        extra_ca_pem: Option<&[u8]>,
        within: Duration,
    ) -> Result<Self, HttpError> {
        let bare = tls::config(extra_ca_pem)?;
        let mut spoken = bare.clone();
        spoken.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (bare, spoken) = (Arc::new(bare), Arc::new(spoken));
        let direct = Direct::from((tcp(within), Arc::clone(&spoken)));
        let way = match proxy {
            None => Way::Direct(direct),
            Some(proxy) => {
                let to_proxy = Direct::from((tcp(within), bare));
                Way::Through {
                    tunnel: HttpsConnector::from((tunnel(&proxy, to_proxy), spoken)),
                    proxy: proxy.uri,
                    to_proxy: direct,
                }
            }
        };
        Ok(Self { way, within })
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Connecting {
        let connecting = self.way.connect(to);
        let within = self.within;
        Box::pin(async move {
            match timeout(within, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(NotInTime.into()),
            }
        })
    }
}

impl Way {
    fn connect(&mut self, to: Uri) -> Connecting {
        match self {
            Self::Direct(direct) => {
                let connecting = direct.call(to);
                Box::pin(async move { Ok(Stream::to_server(connecting.await?)) })
            }
            Self::Through { tunnel, .. } if to.scheme() == Some(&Scheme::HTTPS) => {
                let connecting = tunnel.call(to);
                Box::pin(async move { Ok(Stream::to_server(connecting.await?)) })
            }
            Self::Through {
                proxy, to_proxy, ..
            } => {
                let connecting = to_proxy.call(proxy.clone());
                Box::pin(async move { Ok(Stream::to_proxy(connecting.await?)) })
            }
        }
    }
}

fn tcp(within: Duration) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Shared by the addresses of a name, so that one that swallows everything leaves time for the next.
    tcp.set_connect_timeout(Some(within));
    tcp.set_keepalive(Some(KEEP_ALIVE));
    tcp.set_keepalive_interval(Some(KEEP_ALIVE));
    tcp.set_keepalive_retries(Some(KEEP_ALIVE_TRIES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNCONFIRMED));
    tcp
}

fn tunnel(proxy: &Proxy, to_proxy: Direct) -> Tunnel<Direct> {
    let agent = HeaderMap::from_iter([(USER_AGENT, AGENT)]);
    let tunnel = Tunnel::new(proxy.uri.clone(), to_proxy).with_headers(agent);
    match &proxy.login {
        Some(login) => tunnel.with_auth(login.clone()),
        None => tunnel,
    }
}
