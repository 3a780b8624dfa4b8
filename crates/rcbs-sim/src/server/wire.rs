//! The connection beneath HTTP: what no HTTP library would send on purpose.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What is to happen to a connection; shared between the one who answers and the one who writes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Orders>>);

#[derive(Debug, Default)]
struct Orders {
    resets: bool,
    trailing: Bytes,
}

impl Wire {
    /// The connection ends with a reset instead of an orderly close.
    pub(crate) fn reset(&self) {
        self.lock().resets = true;
    }

    /// These bytes follow the last answer before the connection is closed.
    pub(crate) fn trail(&self, bytes: Bytes) {
        self.lock().trailing = bytes;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that obeys a [`Wire`].
#[derive(Debug)]
pub(crate) struct WireStream {
    stream: TcpStream,
    wire: Wire,
}

impl WireStream {
    pub(crate) fn new(stream: TcpStream, wire: Wire) -> Self {
        Self { stream, wire }
    }
}

impl AsyncRead for WireStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut orders = this.wire.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !orders.trailing.is_empty() {
            match Pin::new(&mut this.stream).poll_write(cx, &orders.trailing) {
                Poll::Ready(Ok(written)) => orders.trailing.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if orders.resets {
            return Poll::Ready(Ok(()));
        }
        drop(orders);
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl Drop for WireStream {
    fn drop(&mut self) {
        if self.wire.lock().resets {
            // Closing with a linger of zero sends RST; when even that fails, the peer sees an ordinary close.
            self.stream.set_zero_linger().ok();
        }
    }
}
