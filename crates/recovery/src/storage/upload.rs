//! Staged uploads: parts go up several at a time, and nothing is visible until the commit.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::sync::mpsc;

use super::StorageError;
use super::container::{Container, object_path};

/// The size of every part but the last; above what any store asks for at least.
pub(crate) const PART: usize = 8 << 20;
const PARTS_AT_ONCE: usize = 3;

/// A blob that is uploaded but not visible.
pub(crate) struct Staged<'a> {
    container: &'a Container,
    name: String,
    content: Content,
}

enum Content {
    /// It fits in one part: storing it is the commit.
    Whole(Bytes),
    Parts(Box<dyn MultipartUpload>),
}

impl Container {
    /// Uploads what arrives until the sender is dropped. Each message but the last must be [`PART`]
    /// bytes long. Stops receiving, which stops the sender, as soon as a part fails.
    pub(crate) async fn stage(
        &self,
        name: &str,
        mut parts: mpsc::Receiver<Bytes>,
    ) -> Result<Staged<'_>, StorageError> {
        let staged = |content| Staged { container: self, name: name.to_owned(), content };
        let path = object_path(name)?;
        let first = parts.recv().await.unwrap_or_default();
        let Some(second) = parts.recv().await else {
            return Ok(staged(Content::Whole(first)));
        };
        let (site, store) = self.parts();
        let explain = |error: object_store::Error| site.explain(&error, name);
        let mut upload = store.put_multipart(&path).await.map_err(explain)?;
        match send(upload.as_mut(), [first, second], &mut parts).await {
            Ok(()) => Ok(staged(Content::Parts(upload))),
            Err(error) => {
                abort(upload.as_mut()).await;
                Err(explain(error))
            }
        }
    }
}

async fn send(
    upload: &mut dyn MultipartUpload,
    first: [Bytes; 2],
    parts: &mut mpsc::Receiver<Bytes>,
) -> object_store::Result<()> {
    let mut under_way = FuturesUnordered::new();
    for part in first {
        under_way.push(upload.put_part(PutPayload::from_bytes(part)));
    }
    loop {
        tokio::select! {
            Some(result) = under_way.next() => result?,
            part = parts.recv(), if under_way.len() < PARTS_AT_ONCE => match part {
                Some(part) => under_way.push(upload.put_part(PutPayload::from_bytes(part))),
                None => break,
            },
        }
    }
    while let Some(result) = under_way.next().await {
        result?;
    }
    Ok(())
}

impl Staged<'_> {
    /// Makes the blob visible, in one step, in place of one that had its name.
    pub(crate) async fn commit(self) -> Result<(), StorageError> {
        let (site, store) = self.container.parts();
        let path = object_path(&self.name)?;
        let result = match self.content {
            Content::Whole(bytes) => store.put(&path, PutPayload::from_bytes(bytes)).await.map(drop),
            Content::Parts(mut upload) => match upload.complete().await {
                Ok(_) => Ok(()),
                Err(error) => {
                    abort(upload.as_mut()).await;
                    Err(error)
                }
            },
        };
        result.map_err(|error| site.explain(&error, &self.name))
    }

    /// Gives the parts up.
    pub(crate) async fn abort(self) {
        if let Content::Parts(mut upload) = self.content {
            abort(upload.as_mut()).await;
        }
    }
}

/// Best effort: what cannot be removed now was never visible and is removed by the store's own rules.
async fn abort(upload: &mut dyn MultipartUpload) {
    if let Err(error) = upload.abort().await {
        tracing::debug!(%error, "an abandoned upload could not be removed");
    }
}
