//! Object stores of a lake: file:// (optionally synced) and s3://.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RetryConfig, UploadPart,
};
use url::Url;

use crate::log_folder;
use crate::naming;
use crate::runtime::Engine;
use crate::status::{Code, Failure, MaybeWritten, Result};
use crate::sync::{self, SyncError};

type StoreResult<T> = object_store::Result<T>;

const STORE: &str = "lake";
const LOG_FOLDER: &str = "_delta_log";
const S3_RETRIES_MAX: usize = 6;
const S3_RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// The root store of a lake with what Weir adds to it: durability on a local disk, and
/// errors that say whether a conditional put may have taken place.
#[derive(Clone)]
pub struct LakeStore {
    inner: Arc<dyn ObjectStore>,
    /// Set for file://; maps object paths to files.
    local: Option<Arc<LocalFileSystem>>,
    sync: bool,
    /// Put before the names of data files written through this store.
    name_prefix: Option<Arc<str>>,
}

/// A folder of a lake: the lake itself or a table.
#[derive(Clone)]
pub struct Location {
    pub url: Url,
    pub root: LakeStore,
}

impl Location {
    pub fn open(engine: &Engine, url: &str, sync: bool) -> Result<Self> {
        let mut parsed =
            Url::parse(url).map_err(|e| Failure::invalid(format!("'{url}' is not a lake URL: {e}")))?;
        // The rest of the world compares table locations without the last slash.
        let trimmed = parsed.path().trim_end_matches('/').to_string();
        parsed.set_path(&trimmed);
        let root = match parsed.scheme() {
            "file" => LakeStore::local(&parsed, sync)?,
            "s3" | "s3a" => LakeStore::s3(engine, &parsed)?,
            other => {
                return Err(Failure::invalid(format!(
                    "lake URL '{url}': scheme '{other}' is not supported; use file:// or s3://"
                )));
            }
        };
        Ok(Self { url: parsed, root })
    }

    /// The store as seen from this folder.
    pub fn folder(&self) -> Result<Arc<dyn ObjectStore>> {
        scoped(self.root.clone(), &self.url)
    }

    /// The same, naming new data files with `prefix`.
    pub fn folder_with_prefix(&self, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        let mut root = self.root.clone();
        root.name_prefix = Some(prefix.into());
        scoped(root, &self.url)
    }

    pub fn log_store(&self) -> Result<LogStoreRef> {
        let root: Arc<dyn ObjectStore> = Arc::new(self.root.clone());
        Ok(default_logstore(self.folder()?, root, &self.url, &StorageConfig::default()))
    }
}

fn scoped(root: LakeStore, url: &Url) -> Result<Arc<dyn ObjectStore>> {
    let root: Arc<dyn ObjectStore> = Arc::new(root);
    let store = StorageConfig::default().decorate_store(root, url)?;
    Ok(Arc::from(store))
}

impl LakeStore {
    fn local(url: &Url, sync: bool) -> Result<Self> {
        if url.host_str().is_some_and(|h| !h.is_empty() && h != "localhost") || url.path().is_empty() {
            return Err(Failure::invalid(format!(
                "lake URL '{url}': a local lake is written file:///absolute/folder"
            )));
        }
        let local = Arc::new(LocalFileSystem::new());
        Ok(Self { inner: local.clone(), local: Some(local), sync, name_prefix: None })
    }

    fn s3(engine: &Engine, url: &Url) -> Result<Self> {
        let bucket = url
            .host_str()
            .filter(|h| !h.is_empty())
            .ok_or_else(|| Failure::invalid(format!("lake URL '{url}': no bucket")))?;
        let inner = engine.bucket(bucket, || {
            let retry = RetryConfig {
                max_retries: S3_RETRIES_MAX,
                retry_timeout: S3_RETRY_TIMEOUT,
                ..Default::default()
            };
            let store = AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_conditional_put(S3ConditionalPut::ETagMatch)
                .with_retry(retry)
                .build()
                .map_err(|e| Failure::from(e).context(format!("lake URL '{url}'")))?;
            Ok(Arc::new(store))
        })?;
        Ok(Self { inner, local: None, sync: false, name_prefix: None })
    }

    fn named(&self, location: &Path) -> Path {
        match &self.name_prefix {
            Some(prefix) => naming::with_prefix(location, prefix),
            None => location.clone(),
        }
    }

    /// The file behind `location` if writes to it have to be synced.
    fn synced_file(&self, location: &Path) -> StoreResult<Option<PathBuf>> {
        match &self.local {
            Some(local) if self.sync => local.path_to_filesystem(location).map(Some),
            _ => Ok(None),
        }
    }

    /// The listing of a table's log on a local disk from `offset` on; None for any other listing.
    fn log_entries_after(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> Option<BoxStream<'static, StoreResult<ObjectMeta>>> {
        let prefix = prefix.filter(|p| p.filename() == Some(LOG_FOLDER))?.clone();
        let folder = self.local.as_ref()?.path_to_filesystem(&prefix).ok()?;
        let after = offset.as_ref().strip_prefix(prefix.as_ref())?.strip_prefix('/')?.to_string();
        let (inner, offset) = (self.inner.clone(), offset.clone());
        let entries = async move {
            let found = blocking(move || log_folder::names_after(&folder, &after).map_err(generic)).await?;
            let Some(names) = found else {
                return inner.list_with_offset(Some(&prefix), &offset).try_collect::<Vec<_>>().await;
            };
            let mut entries = Vec::with_capacity(names.len());
            for name in names {
                match inner.head(&prefix.clone().join(name)).await {
                    Ok(entry) => entries.push(entry),
                    // Cleaned up meanwhile.
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(e) => return Err(e),
                }
            }
            Ok(entries)
        };
        let stream = stream::once(entries).map_ok(|entries| stream::iter(entries.into_iter().map(Ok)));
        Some(stream.try_flatten().boxed())
    }

    async fn sync_existing(&self, location: &Path) -> StoreResult<()> {
        match self.synced_file(location)? {
            Some(file) => blocking(move || sync::sync_file_and_folder(&file).map_err(generic)).await,
            None => Ok(()),
        }
    }
}

async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> StoreResult<T> + Send + 'static,
) -> StoreResult<T> {
    tokio::task::spawn_blocking(f).await?
}

fn generic(source: impl std::error::Error + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Generic { store: STORE, source: Box::new(source) }
}

fn put_synced(file: PathBuf, payload: PutPayload, create: bool) -> StoreResult<PutResult> {
    match sync::write_durably(&file, &payload, create) {
        Ok(()) => Ok(PutResult { e_tag: None, version: None }),
        Err(SyncError::Exists(e)) => Err(object_store::Error::AlreadyExists {
            path: file.display().to_string(),
            source: Box::new(e),
        }),
        Err(SyncError::NotWritten(e)) => Err(generic(e)),
        Err(SyncError::MaybeWritten(e)) => Err(generic(MaybeWritten(Box::new(e)))),
    }
}

/// A failed conditional put over a network says nothing about the object, unless the
/// store itself answered with a refusal.
fn mark_open_outcome(e: object_store::Error) -> object_store::Error {
    use object_store::Error as E;
    match e {
        E::Generic { .. } | E::JoinError { .. } => generic(MaybeWritten(Box::new(e))),
        refused => refused,
    }
}

/// Passes deletions on and, when they are through, syncs each folder that lost a file: once, as one
/// sync for each of thousands of files would take minutes.
fn sync_folders_at_end(
    local: Arc<LocalFileSystem>,
    deleted: BoxStream<'static, StoreResult<Path>>,
) -> BoxStream<'static, StoreResult<Path>> {
    let folders: Arc<Mutex<BTreeSet<PathBuf>>> = Arc::default();
    let touched = folders.clone();
    let deleted = deleted.inspect_ok(move |location| {
        let file = local.path_to_filesystem(location).ok();
        if let Some(folder) = file.as_deref().and_then(|f| f.parent()) {
            touched.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_path_buf());
        }
    });
    let synced = stream::once(async move {
        let folders = std::mem::take(&mut *folders.lock().unwrap_or_else(PoisonError::into_inner));
        blocking(move || folders.iter().try_for_each(|f| sync::sync_folder(f).map_err(generic))).await
    });
    let failures = synced.filter_map(|result| std::future::ready(result.err().map(Err)));
    deleted.chain(failures).boxed()
}

impl fmt::Debug for LakeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeStore({:?}, sync {})", self.inner, self.sync)
    }
}
impl fmt::Display for LakeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for LakeStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> StoreResult<PutResult> {
        let location = self.named(location);
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return self.inner.put_opts(&location, payload, opts).await,
        };
        if let Some(file) = self.synced_file(&location)? {
            return blocking(move || put_synced(file, payload, create)).await;
        }
        let put = self.inner.put_opts(&location, payload, opts).await;
        // The local store answers only when it is done: its failures are definite.
        if create && self.local.is_none() { put.map_err(mark_open_outcome) } else { put }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        let location = self.named(location);
        let Some(file) = self.synced_file(&location)? else {
            return self.inner.put_multipart_opts(&location, opts).await;
        };
        if let Some(folder) = file.parent().map(PathBuf::from) {
            blocking(move || sync::ensure_folder(&folder).map_err(generic)).await?;
        }
        let inner = self.inner.put_multipart_opts(&location, opts).await?;
        Ok(Box::new(SyncedUpload { inner, file }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        let deleted = self.inner.delete_stream(locations);
        match &self.local {
            Some(local) if self.sync => sync_folders_at_end(local.clone(), deleted),
            _ => deleted,
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        match self.log_entries_after(prefix, offset) {
            Some(entries) => entries,
            None => self.inner.list_with_offset(prefix, offset),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.sync_existing(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> StoreResult<()> {
        self.inner.rename_opts(from, to, options).await?;
        self.sync_existing(to).await
    }
}

/// An upload to a local file that is synced before it counts as complete.
#[derive(Debug)]
struct SyncedUpload {
    inner: Box<dyn MultipartUpload>,
    file: PathBuf,
}

#[async_trait]
impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> StoreResult<PutResult> {
        let result = self.inner.complete().await?;
        let file = self.file.clone();
        blocking(move || sync::sync_file_and_folder(&file).map_err(generic)).await?;
        Ok(result)
    }

    async fn abort(&mut self) -> StoreResult<()> {
        self.inner.abort().await
    }
}

/// A path inside a lake as the caller wrote it.
pub fn parse_path(text: &str) -> Result<Path> {
    let path = Path::parse(text).map_err(|e| Failure::invalid(format!("object path '{text}': {e}")))?;
    if path.as_ref().is_empty() {
        return Err(Failure::new(Code::InvalidArgument, "object path is empty"));
    }
    Ok(path)
}
