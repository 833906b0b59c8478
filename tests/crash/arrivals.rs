//! What arrived at the sink, in order, and what it was answered.

use serde::Deserialize;

/// What the flows send: who, which event of the lane, which step.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) flow: String,
    pub(crate) key: String,
    pub(crate) n: u64,
    pub(crate) step: u32,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) sent: Sent,
    pub(crate) idempotency_key: String,
    pub(crate) answer: Answer,
}

/// How the sink behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 200: carried out.
    Taken,
    /// 503.
    Unavailable,
    /// 500.
    Broken,
    /// 429, come again at once.
    TooMany,
    /// 200 with what is no JSON.
    Garbage,
    /// 400: never to be tried again.
    Refused,
    /// No answer until the caller gives up.
    Hang,
    /// The connection ends in the middle of the answer.
    Cut,
}

impl Answer {
    /// One by chance: four of five are taken.
    pub(crate) fn choose(random: &mut fastrand::Rng) -> Self {
        match random.u32(0..1000) {
            0..800 => Self::Taken,
            800..860 => Self::Unavailable,
            860..890 => Self::Broken,
            890..930 => Self::TooMany,
            930..960 => Self::Garbage,
            960..970 => Self::Refused,
            970..980 => Self::Hang,
            _ => Self::Cut,
        }
    }

    /// The bytes of the answer; none where there never is one.
    pub(crate) fn bytes(self) -> Option<&'static [u8]> {
        Some(match self {
            Self::Taken => b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}",
            Self::Unavailable => b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            Self::Broken => b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            Self::TooMany => b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",
            Self::Garbage => b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 6\r\n\r\n<html>",
            Self::Refused => b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
            Self::Cut => b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"o",
            Self::Hang => return None,
        })
    }
}
