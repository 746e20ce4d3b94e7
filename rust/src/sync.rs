//! Durable writes on a local file system: content first, then the name, then the folder.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use object_store::PutPayload;

/// Why a durable write failed, and so whether the object can be there.
pub enum SyncError {
    /// The name was never made visible.
    NotWritten(io::Error),
    /// `create` was asked for and the name is taken.
    Exists(io::Error),
    /// The name is visible, but perhaps not for good.
    MaybeWritten(io::Error),
}

impl From<io::Error> for SyncError {
    fn from(e: io::Error) -> Self {
        Self::NotWritten(e)
    }
}

/// Writes `path` as a whole and syncs it and its folder. With `create` an existing object
/// wins; otherwise it is replaced.
pub fn write_durably(path: &FsPath, payload: &PutPayload, create: bool) -> Result<(), SyncError> {
    let folder = parent(path);
    ensure_folder(folder)?;
    let staging = staging_path(path);
    let written = write_and_sync(&staging, payload).map_err(SyncError::NotWritten);
    let published = written.and_then(|()| publish(&staging, path, create));
    if create || published.is_err() {
        // Best effort: the local store hides names like this one from every listing.
        let _ = fs::remove_file(&staging);
    }
    published?;
    sync_path(folder).map_err(SyncError::MaybeWritten)
}

fn write_and_sync(path: &FsPath, payload: &PutPayload) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    for chunk in payload.iter() {
        file.write_all(chunk)?;
    }
    file.sync_all()
}

fn publish(staging: &FsPath, path: &FsPath, create: bool) -> Result<(), SyncError> {
    if !create {
        return fs::rename(staging, path).map_err(SyncError::NotWritten);
    }
    // A hard link fails on an existing name, which a rename does not.
    fs::hard_link(staging, path).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => SyncError::Exists(e),
        _ => SyncError::NotWritten(e),
    })
}

/// Syncs a file that is complete, and the folder that holds its name.
pub fn sync_file_and_folder(path: &FsPath) -> io::Result<()> {
    sync_path(path)?;
    sync_path(parent(path))
}

/// Syncs a folder out of which names were removed. One that is gone has nothing left to sync.
pub fn sync_folder(folder: &FsPath) -> io::Result<()> {
    match sync_path(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Creates `folder` and its missing parents, and syncs every folder that names one of
/// them. Done once per folder and process: also for folders found existing, as another
/// thread or a crashed process may have created them a moment ago.
pub fn ensure_folder(folder: &FsPath) -> io::Result<()> {
    let known = || durable_folders().lock().unwrap_or_else(PoisonError::into_inner);
    let existed = folder.is_dir();
    if existed && known().contains(folder) {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        ensure_folder(above)?;
        if !existed {
            match fs::create_dir(folder) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
        }
        match sync_path(above) {
            // Far above the lake there may be folders that we can pass but not open.
            Err(e) if !(existed && e.kind() == io::ErrorKind::PermissionDenied) => return Err(e),
            _ => {}
        }
    }
    known().insert(folder.to_path_buf());
    Ok(())
}

fn durable_folders() -> &'static Mutex<HashSet<PathBuf>> {
    static FOLDERS: OnceLock<Mutex<HashSet<PathBuf>>> = OnceLock::new();
    FOLDERS.get_or_init(Mutex::default)
}

fn sync_path(path: &FsPath) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn parent(path: &FsPath) -> &FsPath {
    path.parent().unwrap_or_else(|| FsPath::new("/"))
}

/// `#` and digits at the end mark an upload in progress for object_store's local store,
/// which leaves such names out of its listings.
fn staging_path(path: &FsPath) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!("#{}", uuid::Uuid::new_v4().as_u64_pair().0));
    PathBuf::from(name)
}
