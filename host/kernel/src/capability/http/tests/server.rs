//! A small HTTP server for tests: it keeps every request as text and answers what the test says.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Answer = dyn Fn(&str) -> Vec<u8> + Send + Sync;

pub(super) struct Server {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers each request; a connection is closed where the answer says `connection: close`, and held open without
    /// another byte where it ends with `...`.
    pub(super) async fn answering(
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer): (_, Arc<Answer>) = (requests.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, kept.clone(), answer.clone()));
            }
        });
        Self { port, requests }
    }

    pub(super) fn base(&self) -> String {
        format!("http://127.0.0.1:{}/base", self.port)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

/// A whole answer.
pub(super) fn answer(status: u16, headers: &[&str], body: &str) -> Vec<u8> {
    let mut out = format!(
        "HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n",
        body.len()
    );
    for header in headers {
        out.push_str(header);
        out.push_str("\r\n");
    }
    format!("{out}\r\n{body}").into_bytes()
}

async fn converse(mut stream: TcpStream, requests: Arc<Mutex<Vec<String>>>, answer: Arc<Answer>) {
    let mut buffer = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut buffer).await {
        requests.lock().push(request.clone());
        let out = answer(&request);
        let held = out.ends_with(b"...");
        let sent = stream
            .write_all(out.strip_suffix(b"...").unwrap_or(&out))
            .await;
        if sent.is_err() {
            return;
        }
        if held {
            let _ = stream.read(&mut [0]).await;
        }
        if held || String::from_utf8_lossy(&out).contains("connection: close") {
            return;
        }
    }
}

async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(buffer).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            let whole = end + 4 + length.unwrap_or(0usize);
            if buffer.len() >= whole {
                let request = String::from_utf8_lossy(&buffer[..whole]).into_owned();
                buffer.drain(..whole);
                return Some(request);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => buffer.extend_from_slice(&chunk[..read]),
        }
    }
}
