//! A server that reads a little, waits until it is told, and then reads all that still arrives.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

pub(crate) struct SlowServer {
    pub(crate) address: SocketAddr,
    began: Receiver<()>,
    go_on: Sender<()>,
    reader: JoinHandle<usize>,
}

impl SlowServer {
    pub(crate) fn start() -> Self {
        let listener = narrow();
        let address = listener.local_addr().unwrap();
        let (has_begun, began) = channel();
        let (go_on, told) = channel::<()>();
        let reader = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut part = vec![0; 4 << 10];
            let mut arrived = stream.read(&mut part).unwrap();
            has_begun.send(()).unwrap();
            told.recv().unwrap();
            // An end and a reset are both the end.
            while let Ok(more @ 1..) = stream.read(&mut part) {
                arrived += more;
            }
            arrived
        });
        Self {
            address,
            began,
            go_on,
            reader,
        }
    }

    /// Waits for the first bytes.
    pub(crate) fn began(&self) {
        self.began.recv().unwrap();
    }

    /// Reads on to the connection's end; how many bytes arrived in all.
    pub(crate) fn drain(self) -> usize {
        self.go_on.send(()).unwrap();
        self.reader.join().unwrap()
    }
}

/// A listener whose connections take little in before somebody reads: what the machine would keep for a reader is more
/// than all that is sent, and then nothing is left to be stopped.
fn narrow() -> TcpListener {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        socket.listen(1).unwrap().into_std().unwrap()
    });
    listener.set_nonblocking(false).unwrap();
    listener
}
