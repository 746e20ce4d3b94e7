//! Deleting rows, by rewriting the files that hold them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use deltalake::DeltaTable;
use deltalake::delta_datafusion::planner::DeltaPlanner;
use deltalake::kernel::Transaction;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::commit::{self, CommitOptions};
use crate::rewrite::RewriteLog;
use crate::runtime::Engine;
use crate::status::{Code, Failure, Result, lost_race};
use crate::table::{Layout, Snapshot, Table, commit_properties};
use crate::write::parquet_properties;

const ATTEMPTS_MAX: usize = 5;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct DeleteOptions {
    predicate: String,
    txns: BTreeMap<String, i64>,
    info: Map<String, Value>,
}

impl DeleteOptions {
    fn commit(&self) -> CommitOptions {
        let txns = self.txns.iter().map(|(app_id, version)| Transaction::new(app_id, *version));
        CommitOptions { txns: txns.collect(), info: self.info.clone() }
    }
}

pub fn delete(table: &Table, options: &DeleteOptions) -> Result<Value> {
    if options.predicate.trim().is_empty() {
        return Err(Failure::invalid("delete: no predicate; to delete every row write \"predicate\": \"true\""));
    }
    table.engine.block_on(async {
        let mut attempt = 1;
        loop {
            let base = table.load(None).await?;
            match delete_once(&base, options).await {
                // A file was rewritten under us; but what was decided about our txns is for the caller to see.
                Err(e) if e.code == Code::Conflict && attempt < ATTEMPTS_MAX => {
                    commit::others_since(&base.log_store, base.version(), &options.commit().txns).await?;
                    attempt += 1;
                }
                other => return other,
            }
        }
    })
}

async fn delete_once(base: &Snapshot, options: &DeleteOptions) -> Result<Value> {
    refuse_append_only(&base.layout)?;
    let log = RewriteLog::new(base.log_store.clone(), base.version());
    let mut delta = DeltaTable::new(log.clone());
    delta.state = Some(base.state().await?.clone());
    check_predicate(&base.engine, &delta, &options.predicate).await?;
    let mut commit = options.commit();
    let id = commit::stamp(&mut commit.info);
    let deleted = delta
        .delete()
        .with_predicate(options.predicate.as_str())
        .with_session_state(Arc::new(session(&base.engine)))
        .with_writer_properties(parquet_properties(0)?)
        .with_commit_properties(commit_properties(commit.txns).with_metadata(commit.info))
        .await;
    let (rows, added, removed) = match (deleted, log.landed()) {
        (Ok((_, metrics)), Some(_)) => {
            (metrics.num_deleted_rows, Some(metrics.num_added_files), Some(metrics.num_removed_files))
        }
        (Ok(_), None) => return record_nothing_deleted(base, options).await,
        // What failed came after the commit.
        (Err(_), Some(_)) => (None, None, None),
        (Err(error), None) => {
            let raced = lost_race(&error);
            let version = commit::recover(base, error.into(), raced, &id).await?;
            return Ok(result(version, None, None, None));
        }
    };
    Ok(result(log.landed().unwrap_or_default(), rows, added, removed))
}

fn result(version: u64, rows: Option<usize>, added: Option<usize>, removed: Option<usize>) -> Value {
    json!({
        "version": version,
        "num_deleted_rows": rows,
        "num_files_added": added,
        "num_files_removed": removed,
    })
}

/// No file changed, so delta-rs made no commit; the txns are to be set all the same.
async fn record_nothing_deleted(base: &Snapshot, options: &DeleteOptions) -> Result<Value> {
    let commit = options.commit();
    let version = match commit.txns.is_empty() {
        true => base.version(),
        false => commit::land(base, Vec::new(), commit::append_operation(&base.layout), commit).await?.version(),
    };
    Ok(result(version, Some(0), Some(0), Some(0)))
}

fn refuse_append_only(layout: &Layout) -> Result<()> {
    match layout.metadata().configuration().get("delta.appendOnly") {
        Some(value) if value.eq_ignore_ascii_case("true") => Err(Failure::invalid(
            "the table is append-only (its property delta.appendOnly is true), so that no row of it may be deleted; \
             whoever owns the table has to set the property to false first",
        )),
        _ => Ok(()),
    }
}

/// delta-rs reports a predicate that makes no sense like any other failure.
async fn check_predicate(engine: &Engine, delta: &DeltaTable, predicate: &str) -> Result<()> {
    let rows = engine.session().read_table(delta.table_provider().await?)?;
    let parsed = rows.parse_sql_expr(predicate).and_then(|expr| rows.clone().filter(expr));
    let invalid = |e| Failure::from(e).with_code(Code::InvalidArgument).context(format!("predicate '{predicate}'"));
    parsed.map(|_| ()).map_err(invalid)
}

/// The plans of a deletion have nodes of delta-rs's own.
fn session(engine: &Engine) -> SessionState {
    SessionStateBuilder::new_from_existing(engine.session().state()).with_query_planner(DeltaPlanner::new()).build()
}
