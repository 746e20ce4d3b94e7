//! Checkpoints, compaction, vacuum, cleaning of the log.

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deltalake::operations::optimize::OptimizeType;
use deltalake::operations::vacuum::VacuumMode;
use deltalake::partitions::{FilterLiteral, FilterValue, filter_literal};
use deltalake::table::config::TablePropertiesExt;
use deltalake::{DeltaTable, checkpoints};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::delete::delete;
use crate::log::Log;
use crate::rewrite::RewriteLog;
use crate::status::{Code, Failure, Result};
use crate::table::{Layout, Table, commit_properties};
use crate::write::parquet_properties;

const OPTIMIZE_ATTEMPTS_MAX: usize = 3;

/// Unknown members are refused: a misspelt option must not be a silent default.
fn parse_options<T: DeserializeOwned + Default>(text: Option<&str>) -> Result<T> {
    match text {
        None => Ok(T::default()),
        Some(text) => serde_json::from_str(text).map_err(|e| Failure::invalid(format!("options '{text}': {e}"))),
    }
}

pub fn maintain(table: &Table, operation: &str, options: Option<&str>) -> Result<Value> {
    let done = match operation {
        "checkpoint" => parse_options(options).and_then(|NoOptions {}| checkpoint(table)),
        "optimize" => parse_options(options).and_then(|options| optimize(table, &options)),
        "vacuum" => parse_options(options).and_then(|options| vacuum(table, &options)),
        "clean_log" => parse_options(options).and_then(|options| clean_log(table, &options)),
        "delete" => parse_options(options).and_then(|options| delete(table, &options)),
        other => Err(Failure::invalid(format!(
            "'{other}' is no maintenance operation; use checkpoint, optimize, vacuum, clean_log or delete"
        ))),
    };
    done.map_err(|failure| failure.context(operation))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct NoOptions {}

async fn newest(table: &Table) -> Result<DeltaTable> {
    let mut delta = DeltaTable::new(table.log_store.clone());
    delta.state = Some(table.load(None).await?.state().await?.clone());
    Ok(delta)
}

fn checkpoint(table: &Table) -> Result<Value> {
    table.engine.block_on(async {
        let delta = newest(table).await?;
        checkpoints::create_checkpoint(&delta, None).await?;
        Ok(json!({"version": delta.snapshot()?.version()}))
    })
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct OptimizeOptions {
    target_size: Option<NonZeroU64>,
    zstd_level: i32,
    partition_filters: Vec<(String, String, FilterText)>,
    z_order: Vec<String>,
    max_concurrent_tasks: Option<NonZeroUsize>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FilterText {
    One(String),
    Many(Vec<String>),
}

fn optimize(table: &Table, options: &OptimizeOptions) -> Result<Value> {
    let mut attempt = 1;
    loop {
        match table.engine.block_on(optimize_once(table, options)) {
            // Somebody removed a file under us; the newest version has less to do.
            Err(e) if e.code == Code::Conflict && attempt < OPTIMIZE_ATTEMPTS_MAX => attempt += 1,
            other => return other,
        }
    }
}

async fn optimize_once(table: &Table, options: &OptimizeOptions) -> Result<Value> {
    let filters = options.partition_filters.iter().map(|(column, op, value)| {
        let value = match value {
            FilterText::One(v) => FilterValue::Scalar(v),
            FilterText::Many(vs) => FilterValue::Set(vs.iter().map(String::as_str).collect()),
        };
        filter_literal(column, op, value)
    });
    let filters: Vec<FilterLiteral<'_>> = filters.collect::<Result<_, _>>()?;
    let base = table.load(None).await?;
    let optimize_type = optimize_type(&options.z_order, &base.layout)?;
    let log = RewriteLog::new(base.log_store.clone(), base.version());
    let mut delta = DeltaTable::new(log.clone());
    delta.state = Some(base.state().await?.clone());
    let mut optimize = delta
        .optimize()
        .with_type(optimize_type)
        .with_max_concurrent_tasks(options.max_concurrent_tasks.map_or(1, NonZeroUsize::get))
        .with_filters(&filters)
        .with_writer_properties(parquet_properties(options.zstd_level)?)
        .with_session_state(Arc::new(table.engine.session().state()))
        .with_commit_properties(commit_properties(Vec::new()));
    if let Some(target) = options.target_size {
        optimize = optimize.with_target_size(target);
    }
    let (delta, metrics) = optimize.await?;
    Ok(json!({
        "version": log.landed().or(delta.version()),
        "num_files_added": metrics.num_files_added,
        "num_files_removed": metrics.num_files_removed,
        "size_bytes_added": metrics.files_added.total_size,
        "size_bytes_removed": metrics.files_removed.total_size,
        "partitions_optimized": metrics.partitions_optimized,
        "total_considered_files": metrics.total_considered_files,
    }))
}

fn optimize_type(z_order: &[String], layout: &Layout) -> Result<OptimizeType> {
    for column in z_order {
        if layout.schema.index_of(column).is_err() {
            return Err(Failure::invalid(format!("z_order: the table has no column '{column}'")));
        }
        if layout.partition_columns().contains(column) {
            return Err(Failure::invalid(format!("z_order: '{column}' is a partition column, so it sorts nothing")));
        }
    }
    Ok(match z_order {
        [] => OptimizeType::Compact,
        columns => OptimizeType::ZOrder(columns.to_vec()),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VacuumOptions {
    retention_hours: Option<u32>,
    dry_run: bool,
    enforce_retention: bool,
}

impl Default for VacuumOptions {
    fn default() -> Self {
        Self { retention_hours: None, dry_run: false, enforce_retention: true }
    }
}

fn vacuum(table: &Table, options: &VacuumOptions) -> Result<Value> {
    table.engine.block_on(async {
        let mut vacuum = newest(table)
            .await?
            .vacuum()
            // Lite would leave what was written and never committed.
            .with_mode(VacuumMode::Full)
            .with_dry_run(options.dry_run)
            .with_enforce_retention_duration(options.enforce_retention)
            .with_commit_properties(commit_properties(Vec::new()));
        if let Some(hours) = options.retention_hours {
            vacuum = vacuum.with_retention_period(chrono::Duration::hours(hours.into()));
        }
        let (_, metrics) = vacuum.await.map_err(|e| {
            let failure = Failure::from(e);
            match failure.code {
                Code::Internal if failure.message.contains("retention") => failure.with_code(Code::InvalidArgument),
                _ => failure,
            }
        })?;
        Ok(json!({
            "dry_run": metrics.dry_run,
            "num_files": metrics.files_deleted.len(),
            "files_deleted": metrics.files_deleted,
        }))
    })
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct CleanLogOptions {
    retention_hours: Option<u32>,
    dry_run: bool,
}

/// delta-rs has this too, but it names nothing, cannot only look, and trusts a checkpoint of which
/// parts are missing.
fn clean_log(table: &Table, options: &CleanLogOptions) -> Result<Value> {
    table.engine.block_on(async {
        let retention = match options.retention_hours {
            Some(hours) => Duration::from_secs(u64::from(hours) * 3600),
            None => table.load(None).await?.layout.properties().log_retention_duration(),
        };
        let kept_since = SystemTime::now().checked_sub(retention).unwrap_or(UNIX_EPOCH);
        let kept_since_ms = kept_since.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let log = Log::list(&table.log_store).await?;
        let unneeded = log.unneeded_since(i64::try_from(kept_since_ms).unwrap_or(i64::MAX));
        let names: Vec<String> = unneeded.iter().map(ToString::to_string).collect();
        if !options.dry_run {
            let there = futures::stream::iter(unneeded).map(Ok).boxed();
            let deleted = table.log_store.object_store(None).delete_stream(there);
            // Somebody else may clean at the same time.
            let gone = |e: &object_store::Error| matches!(e, object_store::Error::NotFound { .. });
            let deleted = deleted.filter(|done| std::future::ready(!done.as_ref().is_err_and(gone)));
            deleted.try_for_each(|_| std::future::ready(Ok(()))).await?;
        }
        Ok(json!({"dry_run": options.dry_run, "num_files": names.len(), "files_deleted": names}))
    })
}
