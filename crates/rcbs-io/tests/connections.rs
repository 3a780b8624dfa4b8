//! How connections are kept, bounded and lost.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "the clients' own tests need more of it")]
mod wire;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use futures_util::StreamExt as _;
use rcbs_core::ports::{GetRequest, MediaStore as _, StoreError};
use rcbs_core::recording::Location;
use rcbs_io::http::HttpOptions;
use rcbs_io::s3::{S3, S3Options};
use url::Url;
use wire::{Server, reply};

fn s3(endpoint: Url) -> S3 {
    S3::new(S3Options {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYcanaryKEY".into(),
        endpoint: Some(endpoint),
        region: None,
        payload_signing: false,
        http: HttpOptions::default(),
    })
    .expect("the options are fine")
}

fn request() -> GetRequest {
    GetRequest {
        location: Location {
            bucket: "acme-rec".to_owned(),
            key: "k".to_owned(),
        },
        from: 0,
        if_match: None,
    }
}

/// The sizes of the pieces in which an object comes.
async fn pieces(store: &S3) -> Result<Vec<usize>, StoreError> {
    let mut body = store.get(&request()).await?.body.0;
    let mut sizes = Vec::new();
    while let Some(piece) = body.next().await {
        sizes.push(piece?.len());
    }
    Ok(sizes)
}

fn read_head(connection: &mut TcpStream) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") {
        let count = connection.read(&mut piece).unwrap();
        assert!(count > 0, "the client hung up");
        head.extend_from_slice(&piece[..count]);
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_costs_no_file() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (let_close, may_close) = mpsc::channel::<()>();
    let (tell_closed, closed) = mpsc::channel::<()>();
    drop(thread::spawn(move || {
        while let Ok((mut connection, _)) = listener.accept() {
            read_head(&mut connection);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
            connection.write_all(answer).unwrap();
            may_close.recv().unwrap();
            drop(connection);
            tell_closed.send(()).unwrap();
        }
    }));
    let store = s3(url);
    for turn in 0..20 {
        let sizes = pieces(&store).await;
        assert!(matches!(sizes.as_deref(), Ok([1])), "{turn}: {sizes:?}");
        // This blocks the only thread, so the client learns of the end together with the next request.
        let_close.send(()).unwrap();
        closed.recv().unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_holds_little_of_a_body_however_fast_it_comes() {
    let content = vec![b'x'; 16 << 20];
    let sent = content.clone();
    let server = Server::start(move |_| reply(200, &[], &sent)).await;
    let sizes = pieces(&s3(server.url())).await.expect("an object");
    assert_eq!(sizes.iter().sum::<usize>(), content.len());
    let largest = sizes.into_iter().max().unwrap();
    assert!(largest <= 128 * 1024, "{largest}");
}

#[tokio::test]
async fn a_request_has_these_headers_and_no_others() {
    let server = Server::start(|_| reply(200, &[], "x")).await;
    pieces(&s3(server.url())).await.expect("an object");
    let requests = server.requests();
    let seen = &requests[0];
    let mut names: Vec<_> = seen
        .head
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_once(':')?.0.to_ascii_lowercase()))
        .collect();
    names.sort();
    assert_eq!(
        names.join(" "),
        "accept accept-encoding authorization host user-agent x-amz-checksum-mode x-amz-content-sha256 x-amz-date"
    );
    let agent = seen.header("user-agent").unwrap();
    assert!(agent.starts_with("rcbs/"), "{agent}");
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.target(), "/acme-rec/k");
}

#[tokio::test]
async fn a_server_that_hangs_up_before_tls_is_ready_is_out_of_reach() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
    drop(thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        // All of the greeting is taken, or the end would be a reset.
        let mut length = [0; 5];
        connection.read_exact(&mut length).unwrap();
        let mut greeting = vec![0; usize::from(u16::from_be_bytes([length[3], length[4]]))];
        connection.read_exact(&mut greeting).unwrap();
    }));
    let error = pieces(&s3(url)).await.expect_err("no connection");
    let told = "127.0.0.1: connection closed before it was ready";
    assert!(
        matches!(&error, StoreError::Unreachable { reason } if reason == told),
        "{error:?}"
    );
}
