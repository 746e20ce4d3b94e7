//! A log store for operations that replace data files by others with the same rows.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use deltalake::DeltaResult;
use deltalake::kernel::Action;
use deltalake::kernel::transaction::{CommitConflictError, TransactionError};
use deltalake::logstore::{CommitOrBytes, LogStore, LogStoreConfig, LogStoreRef, get_actions};
use object_store::ObjectStore;
use uuid::Uuid;

/// How many appends a compaction steps over before delta-rs looks at the table again.
const STEPS_MAX: u64 = 100;

/// Refuses a commit that removes a file which a commit since `read_version` has removed already.
/// delta-rs lets it pass when the other one was a compaction, as that changed no data; but the rows
/// of the file would then be there twice, in what each of the two made of it.
///
/// A compaction steps over appends that were faster, here: delta-rs looks at every file of the table before each new try, so
/// that of two who commit at once it loses to whoever appends, and gives up.
pub struct RewriteLog {
    inner: LogStoreRef,
    read_version: u64,
    landed: OnceLock<u64>,
}

impl RewriteLog {
    pub fn new(inner: LogStoreRef, read_version: u64) -> Arc<Self> {
        Arc::new(Self { inner, read_version, landed: OnceLock::new() })
    }

    /// The version that was committed through this log, also if what follows a commit failed.
    pub fn landed(&self) -> Option<u64> {
        self.landed.get().copied()
    }

    /// Whether entry `version` adds files and sets transactions, and does nothing else: it has no bearing on a compaction.
    async fn is_append(&self, version: u64) -> Result<bool, TransactionError> {
        let Some(entry) = self.inner.read_commit_entry(version).await.map_err(log_error)? else { return Ok(false) };
        let appends = |action: &Action| matches!(action, Action::Add(_) | Action::Txn(_) | Action::CommitInfo(_));
        Ok(actions_of(version, &entry)?.iter().all(appends))
    }

    /// Entries below `version` cannot change any more once `version` is what is to be written.
    async fn check(&self, version: u64, entry: &Bytes) -> Result<(), TransactionError> {
        let removed = removed_files(version, entry)?;
        if removed.is_empty() {
            return Ok(());
        }
        for other in self.read_version + 1..version {
            let entry = self.inner.read_commit_entry(other).await.map_err(log_error)?;
            let entry = entry.ok_or(TransactionError::VersionAlreadyExists(version))?;
            if !removed.is_disjoint(&removed_files(other, &entry)?) {
                return Err(CommitConflictError::ConcurrentDeleteDelete.into());
            }
        }
        Ok(())
    }
}

fn actions_of(version: u64, entry: &Bytes) -> Result<Vec<Action>, TransactionError> {
    get_actions(version, entry).map_err(log_error)
}

/// Every row is as before, in other files.
fn changes_no_data(version: u64, entry: &Bytes) -> Result<bool, TransactionError> {
    Ok(actions_of(version, entry)?.iter().all(|action| match action {
        Action::Add(add) => !add.data_change,
        Action::Remove(remove) => !remove.data_change,
        Action::CommitInfo(_) => true,
        _ => false,
    }))
}

fn removed_files(version: u64, entry: &Bytes) -> Result<HashSet<String>, TransactionError> {
    let removed = actions_of(version, entry)?.into_iter().filter_map(|action| match action {
        Action::Remove(remove) => Some(remove.path),
        _ => None,
    });
    Ok(removed.collect())
}

fn log_error(error: deltalake::DeltaTableError) -> TransactionError {
    TransactionError::LogStoreError { msg: "reading the commits of others".to_string(), source: Box::new(error) }
}

#[async_trait]
impl LogStore for RewriteLog {
    fn name(&self) -> String {
        // delta-rs goes by it in choosing how a commit is written.
        self.inner.name()
    }

    async fn read_commit_entry(&self, version: u64) -> DeltaResult<Option<Bytes>> {
        self.inner.read_commit_entry(version).await
    }

    async fn write_commit_entry(
        &self,
        version: u64,
        commit_or_bytes: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        let mut steps = 0;
        if let CommitOrBytes::LogBytes(entry) = &commit_or_bytes {
            self.check(version, entry).await?;
            steps = if changes_no_data(version, entry)? { STEPS_MAX } else { 0 };
        }
        // delta-rs goes on to believe in `version`, which only its idea of the newest snapshot depends on.
        for at in version..=version + steps {
            match self.inner.write_commit_entry(at, commit_or_bytes.clone(), operation_id).await {
                Err(TransactionError::VersionAlreadyExists(_)) if at < version + steps && self.is_append(at).await? => {}
                Err(e) => return Err(e),
                Ok(()) => {
                    let _ = self.landed.set(at);
                    return Ok(());
                }
            }
        }
        Err(TransactionError::VersionAlreadyExists(version))
    }

    async fn abort_commit_entry(
        &self,
        version: u64,
        commit_or_bytes: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        self.inner.abort_commit_entry(version, commit_or_bytes, operation_id).await
    }

    async fn get_latest_version(&self, start_version: u64) -> DeltaResult<u64> {
        self.inner.get_latest_version(start_version).await
    }

    fn object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.inner.object_store(operation_id)
    }

    fn root_object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.inner.root_object_store(operation_id)
    }

    fn config(&self) -> &LogStoreConfig {
        self.inner.config()
    }
}
