//! Accepts connections on a loopback port, as many as come, until it is dropped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::answer::WireBody;
use super::wire::{Wire, WireStream};

/// A listening port. Dropping it closes the port and all its connections.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A port on the loopback interface that does not accept yet; 0 takes a free one.
pub(crate) async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves each connection with `serve`.
pub(crate) fn accept<F, S>(listener: TcpListener, serve: S) -> io::Result<Listening>
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        // The connections live in the task that accepts them, so that aborting it ends them all.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(serve(stream));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    });
    Ok(Listening {
        address,
        task: task.abort_handle(),
    })
}

/// Serves HTTP/1.1, each request answered by `respond`.
pub(crate) fn serve_http<H, F, R>(
    listener: TcpListener,
    handler: Arc<H>,
    respond: R,
) -> io::Result<Listening>
where
    H: Send + Sync + 'static,
    F: Future<Output = Response<WireBody>> + Send + 'static,
    R: Fn(Arc<H>, Request<Incoming>, Wire) -> F + Copy + Send + Sync + 'static,
{
    accept(listener, move |stream| {
        let handler = Arc::clone(&handler);
        async move {
            stream.set_nodelay(true).ok();
            let wire = Wire::default();
            let service = service_fn(|request| {
                let answer = respond(Arc::clone(&handler), request, wire.clone());
                async { Ok::<_, std::convert::Infallible>(answer.await) }
            });
            // A connection that ends badly is the client's to tell, or was ended so on purpose.
            http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(WireStream::new(stream, wire.clone())), service)
                .await
                .ok();
        }
    })
}
