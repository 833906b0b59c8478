//! The listening socket: bounded connections, bounded headers, a time to send them, and a graceful end.
//!
//! Hooks go straight to their handler; everything else goes through the API's router. There are no layers: what every
//! answer needs is done here once.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tombolo_kernel::limits;
use tower::Service;

use super::hooks;
use crate::access::is_made_here;
use crate::api;
use crate::api::errors::Refusal;
use crate::core::Core;
use crate::host::told_to_stop;
use crate::refusals::Refused;

/// Rest after the machine could not accept a connection: it is out of file descriptors, and trying at once would spin.
const REST: Duration = Duration::from_millis(50);

/// Accepts connections until told to stop, then waits for those under way, at most [`limits::DRAIN`].
pub(crate) async fn serve(
    listener: TcpListener,
    core: Arc<Core>,
    mut stopped: watch::Receiver<bool>,
) {
    let router = api::router(Arc::clone(&core));
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS as usize));
    loop {
        let permit = tokio::select! {
            () = told_to_stop(&mut stopped) => break,
            permit = Arc::clone(&room).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            () = told_to_stop(&mut stopped) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let shared = Shared {
                    core: Arc::clone(&core),
                    router: router.clone(),
                    peer: peer.ip(),
                };
                tokio::spawn(connection(stream, shared, stopped.clone(), permit));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(limits::DRAIN, room.acquire_many(limits::CONNECTIONS))
        .await
        .is_err()
    {
        tracing::warn!(
            "some requests did not end in {} s and were cut off",
            limits::DRAIN.as_secs()
        );
    }
}

/// What all requests of a connection share.
#[derive(Clone)]
struct Shared {
    core: Arc<Core>,
    router: Router,
    peer: IpAddr,
}

async fn connection(
    stream: TcpStream,
    shared: Shared,
    stopped: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    // Answers are small and whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let Some(config) = shared.core.tls.config() else {
        return requests(stream, shared, stopped).await;
    };
    // Who does not finish a handshake, or speaks plain HTTP, has nobody to be told.
    let handshake = TlsAcceptor::from(config).accept(stream);
    if let Ok(Ok(stream)) = tokio::time::timeout(limits::HANDSHAKE, handshake).await {
        requests(stream, shared, stopped).await;
    }
}

async fn requests<S>(stream: S, shared: Shared, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Counted per connection: a count of the whole host's parts would go from processor to processor with each request.
    let shared = Arc::new(shared);
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::INBOUND_TIME)
        .max_buf_size(limits::INBOUND_HEADER_BYTES)
        .max_headers(limits::INBOUND_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A sender that goes away or sends no HTTP has nobody to be told.
        _ = connection.as_mut() => return,
        () = told_to_stop(&mut stopped) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response, Infallible> {
    let core = &shared.core;
    let mut response = match request.uri().path() {
        path if path.starts_with(hooks::PREFIX) => hooks::receive(core, request).await,
        // Whoever watches the host calls it as they like, and learns nothing.
        "/health" => match core.stranger(shared.client(request.headers())) {
            Ok(()) => shared.router.clone().call(request.map(Body::new)).await?,
            Err(refusal) => refusal.into_response(),
        },
        _ => guarded(Shared::clone(&shared), request).await?,
    };
    harden(response.headers_mut(), core.tls.config().is_some());
    Ok(response)
}

/// The API: for requests that mean this host, from its own pages or none, and not from where tokens are guessed.
async fn guarded(mut shared: Shared, request: Request<Incoming>) -> Result<Response, Infallible> {
    let core = Arc::clone(&shared.core);
    let client = shared.client(request.headers());
    let meant = core
        .front
        .load()
        .names
        .check(request.uri(), request.headers());
    if let Err(why) = meant {
        turned_away(&core, "403 not meant for this host, or another site's page");
        let refusal = core.stranger(client).err();
        return Ok(refusal.unwrap_or(Refusal::Foreign(why)).into_response());
    }
    let guesses = !api::presented(request.headers()).is_some_and(is_made_here);
    if let Some(seconds) = core.knocking.must_wait(client, core.clock.now_ms())
        && guesses
    {
        turned_away(&core, "429 too many wrong tokens from one address");
        return Ok(Refusal::Knocking(seconds).into_response());
    }
    let response = shared.router.call(request.map(Body::new)).await?;
    if response.status() == StatusCode::UNAUTHORIZED {
        core.knocking.failed(client, core.clock.now_ms());
        if let Err(refusal) = core.stranger(client) {
            return Ok(refusal.into_response());
        }
    }
    Ok(response)
}

impl Shared {
    /// The address that a request is from.
    fn client(&self, headers: &HeaderMap) -> IpAddr {
        let mut forwarded = headers.get_all("x-forwarded-for").iter();
        let forwarded = forwarded
            .next_back()
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let front = self.core.front.load();
        front.network.client(self.peer, forwarded)
    }
}

impl Core {
    /// Somebody without a token of this host comes from there.
    ///
    /// # Errors
    /// [`Refusal::TooOften`], and it is on record.
    fn stranger(&self, client: IpAddr) -> Result<(), Refusal> {
        let rate = self.front.load().rate;
        let comes = self.knocking.comes(client, rate, self.clock.now_ms());
        comes.map_err(|ms| {
            turned_away(self, "429 an address that asks too often without a token");
            Refusal::TooOften(rate, ms)
        })
    }
}

fn turned_away(core: &Core, why: &'static str) {
    core.refused(Refused {
        why,
        token: String::new(),
        place: "/api".to_owned(),
    });
}

/// What every answer says: it is what it says it is, is not kept, and is not shown inside another page.
fn harden(headers: &mut HeaderMap, is_tls: bool) {
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    let same_origin = HeaderValue::from_static("same-origin");
    headers.insert("cross-origin-resource-policy", same_origin);
    if is_tls {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}
