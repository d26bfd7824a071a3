//! Sockets: every worker has its own on the same address, and the kernel spreads connections.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{GatewayConfig, StartError};

const BACKLOG: i32 = 4096;

/// The sockets of one worker.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) http: Option<TcpListener>,
    pub(crate) https: Option<TcpListener>,
}

/// The sockets of all workers and their addresses.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) http_addr: Option<SocketAddr>,
    pub(crate) https_addr: Option<SocketAddr>,
    pub(crate) workers: Vec<Sockets>,
}

pub(crate) fn bind(config: &GatewayConfig) -> Result<Listeners, StartError> {
    let count = config.workers.max(1);
    let mut workers: Vec<Sockets> = (0..count).map(|_| Sockets::default()).collect();
    let http_addr = bind_all(config.http, &mut workers, |sockets| &mut sockets.http)?;
    let https = config.https.as_ref().map(|(address, _)| *address);
    let https_addr = bind_all(https, &mut workers, |sockets| &mut sockets.https)?;
    Ok(Listeners { http_addr, https_addr, workers })
}

fn bind_all(
    address: Option<SocketAddr>,
    workers: &mut [Sockets],
    place: impl Fn(&mut Sockets) -> &mut Option<TcpListener>,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(wanted) = address else { return Ok(None) };
    let failed = |source| StartError::Listen { address: wanted, source };
    // Another process on the port must be an error: two that share it would share its traffic. A port
    // that the system picks is nobody's.
    if wanted.port() != 0 {
        exclusive(wanted).map_err(failed)?;
    }
    let mut address = wanted;
    for sockets in workers {
        let listener = shared(address).map_err(failed)?;
        address = listener.local_addr().map_err(failed)?;
        *place(sockets) = Some(listener);
    }
    Ok(Some(address))
}

/// Checks that nobody has the address.
fn exclusive(address: SocketAddr) -> std::io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1)
}

fn shared(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
