//! One commit, and what is known when it fails.

use deltalake::kernel::transaction::{CommitBuilder, FinalizedCommit, PostCommit};
use deltalake::kernel::{Action, Transaction};
use deltalake::logstore::{LogStoreRef, get_actions};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::state::DeltaTableState;
use serde_json::{Map, Value};

use crate::status::{Code, Failure, Result, lost_race};
use crate::table::{Snapshot, commit_properties};
use crate::write::Files;

/// A member of commitInfo by which a commit is recognised as ours when its answer was
/// lost and a retry inside the store client found the name taken.
const COMMIT_ID: &str = "weirCommitId";

pub struct CommitOptions {
    pub txns: Vec<Transaction>,
    pub info: Map<String, Value>,
}

/// How often a commit is tried anew on a base that a deletion of others made newer.
const REBASES_MAX: usize = 5;

pub fn commit(base: &Snapshot, files: Option<&Files>, mut options: CommitOptions) -> Result<Snapshot> {
    if let Some(files) = files {
        require_same_table(&files.table_url, base, "the files were written to")?;
    }
    // Files are added and none is read: deletions of others need not wait for us, nor we for them.
    options.info.insert("isBlindAppend".to_string(), true.into());
    let adds = files.map(|f| f.adds.as_slice()).unwrap_or_default();
    let actions = adds.iter().cloned().map(Action::Add).collect();
    let state = base.engine.block_on(land(base, actions, append_operation(&base.state), options))?;
    Ok(Snapshot { engine: base.engine.clone(), log_store: base.log_store.clone(), state })
}

pub fn require_same_table(url: &url::Url, base: &Snapshot, what: &str) -> Result<()> {
    let other = base.log_store.root_url();
    if url.as_str().trim_end_matches('/') == other.as_str().trim_end_matches('/') {
        return Ok(());
    }
    Err(Failure::invalid(format!("{what} {url}, the snapshot is of {other}")))
}

pub fn append_operation(state: &DeltaTableState) -> DeltaOperation {
    let columns = state.metadata().partition_columns();
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

/// Commits `actions` and the txns on top of `base`, or of what others made of it meanwhile if that
/// is nothing that concerns us.
pub async fn land(
    base: &Snapshot,
    actions: Vec<Action>,
    operation: DeltaOperation,
    mut options: CommitOptions,
) -> Result<DeltaTableState> {
    let id = stamp(&mut options.info);
    let mut read = base.state.clone();
    let mut rebases = 0;
    loop {
        let properties = commit_properties(options.txns.clone()).with_metadata(options.info.clone());
        let prepared = CommitBuilder::from(properties)
            .with_actions(actions.clone())
            .build(Some(&read), base.log_store.clone(), operation.clone())
            .into_prepared_commit_future()
            .await?;
        // Up to here nothing was written; from here on the log entry may exist.
        let failure = match prepared.await {
            Ok(landed) => return finish(base, landed).await,
            Err(error) => {
                let raced = lost_race(&error);
                match recover(base, Failure::from(error), raced, &id).await {
                    Err(failure) => failure,
                    landed => return landed,
                }
            }
        };
        if failure.code != Code::Conflict || rebases == REBASES_MAX {
            return Err(failure);
        }
        // delta-rs takes every file of the table for one that we have read, and so refuses a commit
        // after any deletion. Exactly the versions that were looked at are what we go on from.
        match tolerated_until(&base.log_store, read.version(), &options.txns).await? {
            Some(version) => read = DeltaTableState::try_new(&base.log_store, Some(version)).await?,
            None => return Err(failure),
        }
        rebases += 1;
    }
}

/// The newest version, if no commit after `version` set one of the app ids of `txns` or changed
/// schema, properties or protocol.
pub async fn tolerated_until(log_store: &LogStoreRef, version: u64, txns: &[Transaction]) -> Result<Option<u64>> {
    let mut last = version;
    while let Some(entry) = log_store.read_commit_entry(last + 1).await? {
        last += 1;
        let disturbs = get_actions(last, &entry)?.into_iter().any(|action| match action {
            Action::Txn(theirs) => txns.iter().any(|ours| ours.app_id == theirs.app_id),
            Action::Metadata(_) | Action::Protocol(_) => true,
            _ => false,
        });
        if disturbs {
            return Ok(None);
        }
    }
    Ok(Some(last))
}

/// The commit has landed: whatever fails now must not look like a failed commit.
async fn finish(base: &Snapshot, landed: PostCommit) -> Result<DeltaTableState> {
    let version = landed.version;
    match landed.await {
        Ok(FinalizedCommit { snapshot, .. }) => Ok(snapshot),
        Err(_) => reload(base, version).await,
    }
}

pub async fn reload(base: &Snapshot, version: u64) -> Result<DeltaTableState> {
    DeltaTableState::try_new(&base.log_store, Some(version)).await.map_err(|e| {
        Failure::from(e)
            .context(format!("committed as version {version}, which cannot be read back"))
            .with_code(Code::OutcomeUnknown)
    })
}

/// What became of a commit whose writing failed: it may have landed all the same.
pub async fn recover(base: &Snapshot, failure: Failure, raced: bool, id: &str) -> Result<DeltaTableState> {
    // On a local disk an open outcome means that the folder could not be synced: finding
    // the entry there would prove nothing.
    let local = base.log_store.root_url().scheme() == "file";
    let doubtful = match failure.code {
        Code::Conflict | Code::AlreadyExists => true,
        Code::OutcomeUnknown => !local,
        _ => raced,
    };
    if doubtful {
        match find_commit(base, id).await {
            Ok(Some(version)) => return reload(base, version).await,
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
    let mut version = base.state.version() + 1;
    while let Some(entry) = base.log_store.read_commit_entry(version).await? {
        let ours = get_actions(version, &entry)?.into_iter().any(|action| match action {
            Action::CommitInfo(info) => info.info.get(COMMIT_ID).and_then(Value::as_str) == Some(id),
            _ => false,
        });
        if ours {
            return Ok(Some(version));
        }
        version += 1;
    }
    Ok(None)
}
