//! Opens connections to origins.

use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Origin;
use super::pool::Connection;
use crate::body::RequestBody;

/// Why an origin cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the connection could not be made: {0}")]
    Io(#[from] std::io::Error),
    #[error("the connection could not be made: {0}")]
    Http(#[from] hyper::Error),
    #[error("the connection was not made in time")]
    TimedOut,
}

/// Connects, within a time limit.
pub(crate) async fn connect(origin: &Origin, limit: Duration) -> Result<Connection, ConnectError> {
    tokio::time::timeout(limit, open(origin)).await.map_err(|_| ConnectError::TimedOut)?
}

async fn open(origin: &Origin) -> Result<Connection, ConnectError> {
    let stream = TcpStream::connect((origin.host.as_str(), origin.port)).await?;
    stream.set_nodelay(true)?;
    match &origin.tls {
        None => drive(stream).await,
        Some((name, config)) => {
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::clone(config));
            drive(connector.connect(name.clone(), stream).await?).await
        }
    }
}

async fn drive<S>(stream: S) -> Result<Connection, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        http1::Builder::new().handshake::<_, RequestBody>(TokioIo::new(stream)).await?;
    Ok(Connection::new(sender, Box::pin(connection)))
}
