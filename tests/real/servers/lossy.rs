//! A line to a server that loses answers: the request arrives, its work is done, and nobody hears of it. Or it loses the request.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Forwards requests to a server, one to a connection, and loses what it is told to.
pub(crate) struct Lossy {
    pub(crate) port: u16,
    lose: Arc<Mutex<Option<Loss>>>,
}

/// What is lost next.
struct Loss {
    /// In the request.
    words: String,
    /// The request itself, not its answer.
    whole: bool,
}

impl Lossy {
    /// In front of the server on this port.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let lose = Arc::new(Mutex::new(None));
        let told = Arc::clone(&lose);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let told = Arc::clone(&told);
                std::thread::spawn(move || forward(client, server, &told));
            }
        });
        Self { port, lose }
    }

    /// The answer to the next request with these words in it, such as `POST /ticket`, is lost.
    pub(crate) fn lose(&self, words: &str) {
        self.loses(words, false);
    }

    /// The next request with these words in it is lost itself.
    pub(crate) fn lose_request(&self, words: &str) {
        self.loses(words, true);
    }

    fn loses(&self, words: &str, whole: bool) {
        let words = words.to_owned();
        *self.lose.lock().unwrap() = Some(Loss { words, whole });
    }

    /// Whether it has been lost.
    pub(crate) fn has_lost(&self) -> bool {
        self.lose.lock().unwrap().is_none()
    }
}

fn forward(mut client: TcpStream, server: u16, lose: &Mutex<Option<Loss>>) {
    let Some(request) = request(&mut client) else {
        return;
    };
    let text = String::from_utf8_lossy(&request).into_owned();
    let is_lost = |whole: bool| {
        let is_meant = |loss: &mut Loss| loss.whole == whole && text.contains(&loss.words);
        lose.lock().unwrap().take_if(is_meant).is_some()
    };
    if is_lost(true) {
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)) else {
        return;
    };
    let mut answer = Vec::new();
    if server.write_all(&request).is_err() || server.read_to_end(&mut answer).is_err() {
        return;
    }
    if is_lost(false) {
        return;
    }
    let _ = client.write_all(&answer);
}

/// A whole request, with `Connection: close`, so that the answer's end is the connection's.
fn request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = client.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length: usize = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length:")?
                    .trim()
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if bytes.len() >= end + 4 + length {
            let mut whole = head.into_bytes();
            whole.extend_from_slice(b"\r\nConnection: close");
            whole.extend_from_slice(&bytes[end..]);
            return Some(whole);
        }
    }
}
