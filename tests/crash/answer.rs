//! How the sink behaves.

/// One answer.
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
    /// 429, come again in a second.
    TooManyForLong,
    /// 200 with what is no JSON.
    Garbage,
    /// 400: never to be tried again.
    Refused,
    /// No answer until the caller gives up.
    Hang,
    /// The connection ends in the middle of the answer.
    Cut,
    /// 200, and the adapter is to trap.
    Trap,
}

/// What may happen to a request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chances {
    /// One in a hundred is refused for good.
    pub(crate) refuse: bool,
    /// One in ten makes the adapter trap.
    pub(crate) trap: bool,
}

impl Answer {
    /// One by chance: four of five are taken.
    pub(crate) fn choose(random: &mut fastrand::Rng, chances: Chances) -> Self {
        match random.u32(0..1000) {
            0..60 => Self::Unavailable,
            60..90 => Self::Broken,
            90..130 => Self::TooMany,
            130..132 => Self::TooManyForLong,
            132..160 => Self::Garbage,
            160..170 => Self::Hang,
            170..190 => Self::Cut,
            190..200 if chances.refuse => Self::Refused,
            200..300 if chances.trap => Self::Trap,
            _ => Self::Taken,
        }
    }

    /// The bytes of the answer; none where there never is one.
    pub(crate) fn bytes(self) -> Option<&'static [u8]> {
        Some(match self {
            Self::Taken => b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}",
            Self::Unavailable => b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            Self::Broken => b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            Self::TooMany => b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",
            Self::TooManyForLong => b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
            Self::Garbage => b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 6\r\n\r\n<html>",
            Self::Refused => b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
            Self::Cut => b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"o",
            Self::Trap => b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{\"trap\":true}",
            Self::Hang => return None,
        })
    }

    /// Whether the connection is of no use behind it.
    pub(crate) fn ends_connection(self) -> bool {
        matches!(self, Self::Cut | Self::Hang)
    }
}
