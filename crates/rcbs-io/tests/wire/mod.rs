//! A loopback server that is scripted byte by byte, so that it can lie, stall and cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// What the server does next on a connection. After the last act it waits for another request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends bytes as they are.
    Send(Vec<u8>),
    /// Sends these bytes over and over until the client hangs up.
    Endless(Vec<u8>),
    /// Says nothing more until the client hangs up.
    Hang,
    /// Says nothing for this long, and goes on.
    #[allow(dead_code, reason = "not every file of tests has to wait")]
    Wait(Duration),
    /// Closes the connection.
    Close,
}

/// The head of a request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
}

impl Request {
    /// The request target: the second word of the first line.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// The server. It ends with the runtime of the test.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    connections: AtomicU64,
    sent_bytes: AtomicU64,
}

impl Server {
    /// Listens, and answers each request as told.
    pub(crate) async fn start(
        answer: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let seen = Arc::new(Seen::default());
        let answer = Arc::new(answer);
        let served = Arc::clone(&seen);
        drop(tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                served.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, answer) = (Arc::clone(&served), Arc::clone(&answer));
                drop(tokio::spawn(async move {
                    serve(connection, &seen, &*answer).await;
                }));
            }
        }));
        Self { address, seen }
    }

    /// One that only notes who comes.
    pub(crate) async fn trap() -> Self {
        Self::start(|_| vec![Act::Close]).await
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).expect("an address makes a URL")
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen
            .requests
            .lock()
            .expect("no test panics while it holds this")
            .clone()
    }

    pub(crate) fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.seen.sent_bytes.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut connection: TcpStream,
    seen: &Seen,
    answer: &(dyn Fn(&Request) -> Vec<Act> + Send + Sync),
) {
    let mut received = Vec::new();
    while let Some(request) = head(&mut connection, &mut received).await {
        let acts = answer(&request);
        seen.requests
            .lock()
            .expect("no test panics while it holds this")
            .push(request);
        for act in acts {
            let goes_on = match act {
                Act::Send(bytes) => send(&mut connection, seen, &bytes).await,
                Act::Endless(bytes) => {
                    while send(&mut connection, seen, &bytes).await {}
                    false
                }
                Act::Hang => {
                    drop(connection.read(&mut [0; 16]).await);
                    false
                }
                Act::Wait(time) => {
                    tokio::time::sleep(time).await;
                    true
                }
                Act::Close => false,
            };
            if !goes_on {
                return;
            }
        }
    }
}

async fn send(connection: &mut TcpStream, seen: &Seen, bytes: &[u8]) -> bool {
    seen.sent_bytes
        .fetch_add(bytes.len() as u64, Ordering::SeqCst);
    connection.write_all(bytes).await.is_ok()
}

async fn head(connection: &mut TcpStream, received: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = received.drain(..end + 4).collect();
            return Some(Request {
                head: String::from_utf8_lossy(&head).into_owned(),
            });
        }
        let mut piece = [0; 4096];
        match connection.read(&mut piece).await {
            Ok(1..) if received.len() > 1 << 20 => return None,
            Ok(count @ 1..) => received.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
}

/// A whole answer with its length.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<Act> {
    let body = body.as_ref();
    let length = body.len().to_string();
    let mut headers = headers.to_vec();
    headers.push(("Content-Length", &length));
    let mut bytes = raw_head(status, &headers);
    bytes.extend_from_slice(body);
    vec![Act::Send(bytes)]
}

/// The head of an answer, nothing added.
pub(crate) fn raw_head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} X\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}
