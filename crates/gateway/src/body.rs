//! Bodies that pass through: streamed frame by frame, never collected.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::limits::Meter;
use crate::upstream::pool::Lease;

// 0 is under way.
const COMPLETE: u8 = 1;
const FAILED: u8 = 2;

/// How far a request's body is; a body that is known whole is complete from the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sending(Option<Arc<AtomicU8>>);

impl Sending {
    /// Whether the body was handed over to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.as_ref().is_none_or(|state| state.load(Ordering::Relaxed) == COMPLETE)
    }

    /// Whether the client failed to send it.
    pub(crate) fn failed(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.load(Ordering::Relaxed) == FAILED)
    }
}

/// The body of a request to an upstream.
pub(crate) enum RequestBody {
    Whole(Option<Bytes>),
    Client(Incoming, Arc<AtomicU8>),
}

impl RequestBody {
    pub(crate) fn client(incoming: Incoming) -> Self {
        if incoming.is_end_stream() { Self::Whole(None) } else { Self::Client(incoming, Arc::default()) }
    }

    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    pub(crate) fn sending(&self) -> Sending {
        match self {
            Self::Whole(_) => Sending(None),
            Self::Client(_, state) => Sending(Some(Arc::clone(state))),
        }
    }

    /// The same body again, if it can be had.
    pub(crate) fn copy(&self) -> Option<Self> {
        match self {
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Client(..) => None,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Client(incoming, state) => {
                let frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
                match &frame {
                    Some(Err(_)) => state.store(FAILED, Ordering::Relaxed),
                    Some(Ok(_)) if !incoming.is_end_stream() => {}
                    _ => state.store(COMPLETE, Ordering::Relaxed),
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Client(incoming, _) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Client(incoming, _) => incoming.size_hint(),
        }
    }
}

/// The body of a response to a client.
pub(crate) enum ResponseBody {
    Whole(Option<Bytes>),
    Upstream(Box<UpstreamBody>),
}

/// A response's body on its way from the upstream, with the connection it is read from.
pub(crate) struct UpstreamBody {
    incoming: Incoming,
    lease: Option<Lease>,
    meters: Vec<Meter>,
}

impl ResponseBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    /// Passes a response on; the connection goes back to its pool when the body has been read.
    pub(crate) fn upstream(incoming: Incoming, lease: Lease, meters: Vec<Meter>) -> Self {
        if incoming.is_end_stream() {
            lease.finish();
            return Self::Whole(None);
        }
        Self::Upstream(Box::new(UpstreamBody { incoming, lease: Some(lease), meters }))
    }
}

impl UpstreamBody {
    /// What is there, or what driving the connection brings.
    fn frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(cx);
        if let (Poll::Pending, Some(lease)) = (&frame, &mut self.lease) {
            lease.connection.drive(cx);
            return Pin::new(&mut self.incoming).poll_frame(cx);
        }
        frame
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(self.frame(cx));
        let ended = match &frame {
            None => true,
            Some(Ok(frame)) => {
                for meter in &self.meters {
                    meter.add(frame.data_ref().map_or(0, Bytes::len));
                }
                self.incoming.is_end_stream()
            }
            Some(Err(_)) => {
                self.lease = None;
                false
            }
        };
        if ended && let Some(lease) = self.lease.take() {
            lease.finish();
        }
        Poll::Ready(frame)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Upstream(body) => body.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Upstream(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Upstream(body) => body.incoming.size_hint(),
        }
    }
}
