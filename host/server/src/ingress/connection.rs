//! The listening socket: bounded connections, bounded headers, a time to send them, and a graceful end.
//!
//! Hooks go straight to their handler; everything else goes through the API's router. There are no layers: what every
//! answer needs is done here once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tombolo_kernel::limits;
use tower::Service;

use super::hooks;
use crate::api;
use crate::core::Core;
use crate::host::told_to_stop;

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
            Ok((stream, _)) => {
                tokio::spawn(connection(
                    stream,
                    Arc::clone(&core),
                    router.clone(),
                    stopped.clone(),
                    permit,
                ));
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

async fn connection(
    stream: TcpStream,
    core: Arc<Core>,
    router: Router,
    mut stopped: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    // Answers are small and whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&core), router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::INBOUND_TIME)
        .max_buf_size(limits::INBOUND_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A sender that goes away or sends no HTTP has nobody to be told.
        _ = connection.as_mut() => return,
        () = told_to_stop(&mut stopped) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(
    core: Arc<Core>,
    mut router: Router,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut response = if request.uri().path().starts_with(hooks::PREFIX) {
        hooks::receive(&core, request).await
    } else {
        router.call(request.map(Body::new)).await?
    };
    harden(response.headers_mut());
    Ok(response)
}

/// What every answer says: it is what it says it is, is not kept, and is not shown inside another page.
fn harden(headers: &mut HeaderMap) {
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
}
