//! One commit, and what is known when it fails.

use deltalake::kernel::transaction::{CommitBuilder, FinalizedCommit, PostCommit};
use deltalake::kernel::{Action, Transaction};
use deltalake::logstore::get_actions;
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

pub fn commit(base: &Snapshot, files: Option<&Files>, options: CommitOptions) -> Result<Snapshot> {
    if let Some(files) = files
        && files.table_url != *table_url(base)
        && files.table_url.as_str().trim_end_matches('/') != table_url(base).as_str().trim_end_matches('/')
    {
        return Err(Failure::invalid(format!(
            "the files were written to {}, the snapshot is of {}",
            files.table_url,
            table_url(base)
        )));
    }
    let state = base.engine.block_on(land(base, files, options))?;
    Ok(Snapshot { engine: base.engine.clone(), log_store: base.log_store.clone(), state })
}

fn table_url(snapshot: &Snapshot) -> &url::Url {
    snapshot.log_store.root_url()
}

async fn land(base: &Snapshot, files: Option<&Files>, mut options: CommitOptions) -> Result<DeltaTableState> {
    let id = uuid::Uuid::new_v4().to_string();
    options.info.insert(COMMIT_ID.to_string(), id.clone().into());
    let adds = files.map(|f| f.adds.as_slice()).unwrap_or_default();
    let columns = base.state.metadata().partition_columns();
    let operation = DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: (!columns.is_empty()).then(|| columns.to_vec()),
        predicate: None,
    };
    let properties = commit_properties(options.txns).with_metadata(options.info);
    let prepared = CommitBuilder::from(properties)
        .with_actions(adds.iter().cloned().map(Action::Add).collect())
        .build(Some(&base.state), base.log_store.clone(), operation)
        .into_prepared_commit_future()
        .await?;
    // Up to here nothing was written; from here on the log entry may exist.
    match prepared.await {
        Ok(landed) => finish(base, landed).await,
        Err(error) => {
            let raced = lost_race(&error);
            recover(base, Failure::from(error), raced, &id).await
        }
    }
}

/// The commit has landed: whatever fails now must not look like a failed commit.
async fn finish(base: &Snapshot, landed: PostCommit) -> Result<DeltaTableState> {
    let version = landed.version;
    match landed.await {
        Ok(FinalizedCommit { snapshot, .. }) => Ok(snapshot),
        Err(_) => reload(base, version).await,
    }
}

async fn reload(base: &Snapshot, version: u64) -> Result<DeltaTableState> {
    DeltaTableState::try_new(&base.log_store, Some(version)).await.map_err(|e| {
        Failure::from(e)
            .context(format!("committed as version {version}, which cannot be read back"))
            .with_code(Code::OutcomeUnknown)
    })
}

async fn recover(base: &Snapshot, failure: Failure, raced: bool, id: &str) -> Result<DeltaTableState> {
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
