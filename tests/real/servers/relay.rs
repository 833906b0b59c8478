//! A relay in front of a server, that loses answers: the request arrives and is done, and the caller never hears of it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Hands requests on to a server, one connection each.
pub(crate) struct Relay {
    pub(crate) port: u16,
    lost: Arc<Mutex<Lost>>,
}

#[derive(Default)]
struct Lost {
    /// Begins of request lines whose next answer is lost.
    next: Vec<String>,
    count: usize,
}

impl Relay {
    /// A relay to this port; it lives as long as the test's process.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let lost: Arc<Mutex<Lost>> = Arc::default();
        let shared = Arc::clone(&lost);
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A caller or a server that goes in the middle is what relays are about.
                std::thread::spawn(move || drop(hand_on(caller, server, &shared)));
            }
        });
        Self { port, lost }
    }

    /// Loses the answer to the next request whose first line begins so.
    pub(crate) fn lose(&self, request: &str) {
        self.lost.lock().unwrap().next.push(request.to_owned());
    }

    /// How many answers were lost.
    pub(crate) fn count(&self) -> usize {
        self.lost.lock().unwrap().count
    }
}

fn hand_on(mut caller: TcpStream, port: u16, lost: &Mutex<Lost>) -> std::io::Result<()> {
    let request = request(&mut caller)?;
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    let line = request.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    let (first, rest) = request.split_at((line.len() + 1).min(request.len()));
    server.write_all(first)?;
    server.write_all(b"connection: close\r\n")?;
    server.write_all(rest)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let first = String::from_utf8_lossy(first);
    let is_lost = {
        let mut lost = lost.lock().unwrap();
        let place = lost
            .next
            .iter()
            .position(|begin| first.starts_with(begin.as_str()));
        if let Some(place) = place {
            lost.next.remove(place);
            lost.count += 1;
        }
        place.is_some()
    };
    if is_lost {
        Ok(())
    } else {
        caller.write_all(&answer)
    }
}

/// A request with its body, which has a length.
fn request(caller: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let head = request.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
            let length: usize = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
                .unwrap_or(0);
            if request.len() >= head + 4 + length {
                return Ok(request);
            }
        }
        let read = caller.read(&mut buffer)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..read]);
    }
}
