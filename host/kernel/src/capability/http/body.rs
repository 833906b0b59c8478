//! What a request carries, given out in parts: between two of them its connection looks whether anybody still waits for
//! the answer. Given out whole, a large body would go on leaving after the call was cut, for as long as its server reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// One part: more than most bodies have, and some tens of microseconds.
const PART: usize = 128 << 10;

/// A body; its clones share the bytes.
#[derive(Debug, Clone)]
pub(super) struct Body {
    left: Bytes,
    paused: bool,
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        // Nothing goes before the first part.
        let (left, paused) = (bytes.into(), true);
        Self { left, paused }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        self.paused = !self.paused;
        if self.paused {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let part = self.left.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use hyper::body::Body as _;

    use super::*;

    #[test]
    fn a_body_comes_in_parts_and_lets_others_look_between_two_of_them() {
        let bytes: Vec<u8> = (0..2 * PART + 7).map(|n| n.to_le_bytes()[0]).collect();
        let mut body = Body::from(bytes.clone());
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let mut context = Context::from_waker(std::task::Waker::noop());
        let (mut got, mut turns) = (Vec::new(), String::new());
        loop {
            match Pin::new(&mut body).poll_frame(&mut context) {
                Poll::Pending => turns.push('.'),
                Poll::Ready(None) => break,
                Poll::Ready(Some(frame)) => {
                    turns.push('p');
                    got.extend(frame.unwrap().into_data().unwrap());
                }
            }
        }
        assert_eq!((turns.as_str(), got == bytes), ("p.p.p", true));
        assert!(Body::from(Vec::new()).is_end_stream());
    }
}
