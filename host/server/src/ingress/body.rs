//! Reading a request's body within a number of bytes and a time. One frame, the common case, is not copied.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{Semaphore, SemaphorePermit};
use tombolo_kernel::limits;

use crate::api::errors::Refusal;

/// The whole body.
///
/// # Errors
/// Over `most` bytes, not there within [`limits::INBOUND_TIME`], or broken off.
pub(crate) async fn read<B>(headers: &HeaderMap, body: B, most: usize) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    read_within(headers, body, most, limits::INBOUND_TIME, |_| Ok(())).await
}

/// The same for a body that may be large: the request takes one place more for each [`limits::INBOUND_BODY`] that came.
///
/// # Errors
/// Those of [`read`]; [`Refusal::Overloaded`] where no more places are free.
pub(crate) async fn read_large<'a, B>(
    headers: &HeaderMap,
    body: B,
    most: usize,
    places: &'a Semaphore,
    place: &mut SemaphorePermit<'a>,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    read_within(headers, body, most, limits::INBOUND_TIME, |size| {
        hold(places, place, size)
    })
    .await
}

fn hold<'a>(
    places: &'a Semaphore,
    place: &mut SemaphorePermit<'a>,
    size: usize,
) -> Result<(), Refusal> {
    let more = size
        .div_ceil(limits::INBOUND_BODY)
        .saturating_sub(place.num_permits());
    let more = u32::try_from(more).map_err(|_| Refusal::Overloaded)?;
    if more > 0 {
        let more = places.try_acquire_many(more);
        place.merge(more.map_err(|_| Refusal::Overloaded)?);
    }
    Ok(())
}

async fn read_within<B>(
    headers: &HeaderMap,
    body: B,
    most: usize,
    time: Duration,
    hold: impl FnMut(usize) -> Result<(), Refusal>,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    if announced(headers).is_some_and(|length| length > most as u64) {
        return Err(Refusal::TooLarge(most));
    }
    tokio::time::timeout(time, collect(body, most, hold))
        .await
        .unwrap_or(Err(Refusal::Slow))
}

async fn collect<B>(
    mut body: B,
    most: usize,
    mut hold: impl FnMut(usize) -> Result<(), Refusal>,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    let mut whole: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Refusal::Malformed("the body broke off before its end; send it again".into())
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let so_far = whole.as_ref().map_or(first.len(), BytesMut::len);
        if so_far + data.len() > most {
            return Err(Refusal::TooLarge(most));
        }
        hold(so_far + data.len())?;
        match &mut whole {
            Some(whole) => whole.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut joined = BytesMut::with_capacity(first.len() + data.len());
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                whole = Some(joined);
            }
        }
    }
    Ok(whole.map_or(first, BytesMut::freeze))
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::convert::Infallible;

    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    fn pieces(
        texts: &'static [&'static str],
    ) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        StreamBody::new(futures_util::stream::iter(
            texts
                .iter()
                .map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))),
        ))
    }

    #[tokio::test]
    async fn a_body_in_pieces_comes_out_whole() {
        assert_eq!(
            read(&HeaderMap::new(), pieces(&["ab", "", "c", "def"]), 6)
                .await
                .unwrap(),
            "abcdef"
        );
        assert_eq!(read(&HeaderMap::new(), pieces(&[]), 6).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_body_over_the_bound_is_refused_whether_it_says_so_or_not() {
        let mut headers = HeaderMap::new();
        headers.insert("content-length", "7".parse().unwrap());
        assert!(matches!(
            read(&headers, Full::new(Bytes::new()), 6).await,
            Err(Refusal::TooLarge(6))
        ));
        assert!(matches!(
            read(&HeaderMap::new(), pieces(&["abcd", "efg"]), 6).await,
            Err(Refusal::TooLarge(6))
        ));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = StreamBody::new(futures_util::stream::pending::<
            Result<Frame<Bytes>, Infallible>,
        >());
        assert!(matches!(
            read_within(
                &HeaderMap::new(),
                endless,
                6,
                Duration::from_millis(1),
                |_| Ok(())
            )
            .await,
            Err(Refusal::Slow)
        ));
    }

    #[tokio::test]
    async fn a_large_body_takes_a_place_for_each_mebibyte_and_gives_them_back() {
        const PLACE_BYTES: usize = limits::INBOUND_BODY;
        let places = Semaphore::new(3);
        let large = |size| Full::new(Bytes::from(vec![0; size]));
        let none = HeaderMap::new();
        let mut place = places.try_acquire().unwrap();
        let read = read_large(
            &none,
            large(2 * PLACE_BYTES + 1),
            9 << 20,
            &places,
            &mut place,
        );
        assert_eq!(read.await.unwrap().len(), 2 * PLACE_BYTES + 1);
        assert_eq!(places.available_permits(), 0);
        drop(place);
        assert_eq!(places.available_permits(), 3);

        let mut place = places.try_acquire().unwrap();
        let read = read_large(
            &none,
            large(3 * PLACE_BYTES + 1),
            9 << 20,
            &places,
            &mut place,
        );
        assert!(matches!(read.await, Err(Refusal::Overloaded)));
    }
}
