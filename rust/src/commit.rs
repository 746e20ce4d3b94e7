//! One commit, and what is known when it fails.

use std::collections::BTreeMap;

use bytes::Bytes;
use deltalake::kernel::transaction::{CommitData, TransactionError};
use deltalake::kernel::{Action, Transaction};
use deltalake::logstore::{CommitOrBytes, LogStoreRef, get_actions};
use deltalake::protocol::{DeltaOperation, SaveMode};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::log::Log;
use crate::status::{Code, Failure, Result};
use crate::table::{Layout, Snapshot};
use crate::write::Files;

/// A member of commitInfo by which a commit is recognised as ours when its answer was
/// lost and a retry inside the store client found the name taken.
const COMMIT_ID: &str = "weirCommitId";

pub struct CommitOptions {
    pub txns: Vec<Transaction>,
    pub info: Map<String, Value>,
}

/// How often a commit gives way to others that were faster and do not concern it.
const REBASES_MAX: usize = 20;

pub fn commit(base: &Snapshot, files: Option<&Files>, mut options: CommitOptions) -> Result<Snapshot> {
    if let Some(files) = files {
        require_same_table(&files.table_url, base, "the files were written to")?;
    }
    // Files are added and none is read: deletions of others need not wait for us, nor we for them.
    options.info.insert("isBlindAppend".to_string(), true.into());
    let adds = files.map(|f| f.adds.as_slice()).unwrap_or_default();
    let actions = adds.iter().cloned().map(Action::Add).collect();
    base.engine.block_on(land(base, actions, append_operation(&base.layout), options))
}

pub fn require_same_table(url: &url::Url, base: &Snapshot, what: &str) -> Result<()> {
    let other = base.log_store.root_url();
    if url.as_str().trim_end_matches('/') == other.as_str().trim_end_matches('/') {
        return Ok(());
    }
    Err(Failure::invalid(format!("{what} {url}, the snapshot is of {other}")))
}

pub fn append_operation(layout: &Layout) -> DeltaOperation {
    let columns = layout.partition_columns();
    DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: (!columns.is_empty()).then(|| columns.to_vec()),
        predicate: None,
    }
}

/// Makes a commit recognisable; returns by what.
pub fn stamp(info: &mut Map<String, Value>) -> String {
    let id = uuid::Uuid::new_v4().to_string();
    info.insert(COMMIT_ID.to_string(), id.clone().into());
    id
}

/// Commits `actions`, which remove no file, and the txns on top of `base`, or of what others made of it meanwhile if that is
/// nothing that concerns us. What the table consists of is neither read nor kept for it: delta-rs's own commit holds the
/// record of every data file and lists the log twice, which would let a commit cost more with each one before it.
pub async fn land(
    base: &Snapshot,
    actions: Vec<Action>,
    operation: DeltaOperation,
    mut options: CommitOptions,
) -> Result<Snapshot> {
    base.require_writable().await?;
    let mut txns = base.txns().await?.clone();
    let id = stamp(&mut options.info);
    let info = options.info.into_iter().collect();
    let entry = CommitData::new(actions, operation, info, options.txns.clone()).get_bytes();
    let entry = entry.map_err(|e| Failure::translate(&e, Code::Internal))?;
    let mut read = base.version();
    for _ in 0..=REBASES_MAX {
        let version = read + 1;
        require_free(base, version).await?;
        let put = CommitOrBytes::LogBytes(entry.clone());
        let written = base.log_store.write_commit_entry(version, put, Uuid::new_v4()).await;
        // From here on the entry may exist.
        if is_ours(base, version, &id, written).await? {
            txns.extend(options.txns.into_iter().map(|txn| (txn.app_id, txn.version)));
            return Ok(base.succeeded_by(version, txns));
        }
        let others = others_since(&base.log_store, read, &options.txns).await?;
        read = others.version;
        txns.extend(others.txns);
    }
    let message = format!("others were faster {} times in a row, the last time as version {read}", REBASES_MAX + 1);
    Err(Failure::new(Code::Unavailable, message))
}

/// At or below the newest checkpoint an entry that is not there was cleaned up, in whatever order: written again, it would
/// be one that nobody reads, and so would be all that follow it.
async fn require_free(base: &Snapshot, version: u64) -> Result<()> {
    match Log::newest_checkpoint_version(&base.log_store).await? {
        Some(checkpoint) if version <= checkpoint && base.log_store.read_commit_entry(version).await?.is_none() => {
            let message = format!(
                "this commit is based on version {}, past which the log was cleaned: version {version} is gone, \
                 and there is a checkpoint of version {checkpoint}",
                base.version()
            );
            Err(Failure::new(Code::Conflict, message))
        }
        _ => Ok(()),
    }
}

/// Whether entry `version`, which we could not write or do not know to have written, is ours all the same: a retry inside
/// the store's client finds its own entry there.
async fn is_ours(base: &Snapshot, version: u64, id: &str, written: Result<(), TransactionError>) -> Result<bool> {
    let Err(error) = written else { return Ok(true) };
    let failure = match error {
        TransactionError::VersionAlreadyExists(_) => Failure::new(Code::AlreadyExists, error.to_string()),
        error => Failure::translate(&error, Code::Unavailable),
    };
    if !is_doubtful(base, &failure) {
        return Err(failure);
    }
    match base.log_store.read_commit_entry(version).await {
        Ok(Some(entry)) => Ok(carries(version, &entry, id)?),
        Ok(None) => Err(failure.with_code(Code::OutcomeUnknown)),
        // A conflict that cannot be told from our own commit is an open outcome.
        Err(e) => Err(Failure::from(e)
            .context(format!("{failure}; and looking for the commit"))
            .with_code(Code::OutcomeUnknown)),
    }
}

fn is_doubtful(base: &Snapshot, failure: &Failure) -> bool {
    match failure.code {
        Code::Conflict | Code::AlreadyExists => true,
        // On a local disk an open outcome means that the folder could not be synced: finding the entry there would prove
        // nothing.
        Code::OutcomeUnknown => base.table_url().scheme() != "file",
        _ => false,
    }
}

/// What others committed.
pub struct Others {
    /// The newest version.
    pub version: u64,
    pub txns: BTreeMap<String, i64>,
}

/// What was committed after `version`. Conflict: one of these commits set one of the app ids of `txns` or changed schema,
/// properties or protocol.
pub async fn others_since(log_store: &LogStoreRef, version: u64, txns: &[Transaction]) -> Result<Others> {
    let mut others = Others { version, txns: BTreeMap::new() };
    while let Some(entry) = log_store.read_commit_entry(others.version + 1).await? {
        others.version += 1;
        let conflict = |what: String| Err(Failure::new(Code::Conflict, format!("version {} {what}", others.version)));
        for action in get_actions(others.version, &entry)? {
            match action {
                Action::Txn(theirs) if txns.iter().any(|ours| ours.app_id == theirs.app_id) => {
                    return conflict(format!("set {} to {}", theirs.app_id, theirs.version));
                }
                Action::Metadata(_) | Action::Protocol(_) => {
                    return conflict("changed the table's schema, properties or protocol".to_string());
                }
                Action::Txn(theirs) => {
                    others.txns.insert(theirs.app_id, theirs.version);
                }
                _ => {}
            }
        }
    }
    Ok(others)
}

/// The version as which a commit of delta-rs landed although it failed, if it did.
pub async fn recover(base: &Snapshot, failure: Failure, raced: bool, id: &str) -> Result<u64> {
    if raced || is_doubtful(base, &failure) {
        match find_commit(base, id).await {
            Ok(Some(version)) => return Ok(version),
            Ok(None) => {}
            // A conflict that cannot be told from our own commit is an open outcome.
            Err(e) => {
                return Err(e
                    .context(format!("{failure}; and looking for the commit"))
                    .with_code(Code::OutcomeUnknown));
            }
        }
    }
    Err(match failure.code {
        Code::AlreadyExists => failure.with_code(Code::Conflict),
        _ => failure,
    })
}

/// The version after `base` whose commitInfo carries `id`.
async fn find_commit(base: &Snapshot, id: &str) -> Result<Option<u64>> {
    let mut version = base.version() + 1;
    while let Some(entry) = base.log_store.read_commit_entry(version).await? {
        if carries(version, &entry, id)? {
            return Ok(Some(version));
        }
        version += 1;
    }
    Ok(None)
}

fn carries(version: u64, entry: &Bytes, id: &str) -> Result<bool> {
    Ok(get_actions(version, entry)?.into_iter().any(|action| match action {
        Action::CommitInfo(info) => info.info.get(COMMIT_ID).and_then(Value::as_str) == Some(id),
        _ => false,
    }))
}
