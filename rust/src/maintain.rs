//! Checkpoints, compaction, vacuum.

use std::num::NonZeroU64;
use std::sync::Arc;

use deltalake::operations::vacuum::VacuumMode;
use deltalake::partitions::{FilterLiteral, FilterValue, filter_literal};
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, checkpoints};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::status::{Code, Failure, Result};
use crate::table::{Table, commit_properties};
use crate::write::parquet_properties;

const OPTIMIZE_ATTEMPTS_MAX: usize = 3;

/// Unknown members are refused: a misspelt option must not be a silent default.
fn parse_options<T: DeserializeOwned + Default>(text: Option<&str>) -> Result<T> {
    match text {
        None => Ok(T::default()),
        Some(text) => serde_json::from_str(text).map_err(|e| Failure::invalid(format!("options '{text}': {e}"))),
    }
}

async fn newest(table: &Table) -> Result<DeltaTable> {
    let mut delta = DeltaTable::new(table.log_store.clone());
    delta.state = Some(DeltaTableState::try_new(&table.log_store, None).await?);
    Ok(delta)
}

pub fn checkpoint(table: &Table) -> Result<u64> {
    table.engine.block_on(async {
        let delta = newest(table).await?;
        checkpoints::create_checkpoint(&delta, None).await?;
        Ok(delta.snapshot()?.version())
    })
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct OptimizeOptions {
    target_size: Option<NonZeroU64>,
    zstd_level: i32,
    partition_filters: Vec<(String, String, FilterText)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FilterText {
    One(String),
    Many(Vec<String>),
}

pub fn optimize(table: &Table, options: Option<&str>) -> Result<Value> {
    let options: OptimizeOptions = parse_options(options)?;
    let mut attempt = 1;
    loop {
        match table.engine.block_on(optimize_once(table, &options)) {
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
    let delta = newest(table).await?;
    let mut optimize = delta
        .optimize()
        .with_filters(&filters)
        .with_writer_properties(parquet_properties(options.zstd_level)?)
        .with_session_state(Arc::new(table.engine.session().state()))
        .with_commit_properties(commit_properties(Vec::new()));
    if let Some(target) = options.target_size {
        optimize = optimize.with_target_size(target);
    }
    let (delta, metrics) = optimize.await?;
    Ok(json!({
        "version": delta.version(),
        "num_files_added": metrics.num_files_added,
        "num_files_removed": metrics.num_files_removed,
        "size_bytes_added": metrics.files_added.total_size,
        "size_bytes_removed": metrics.files_removed.total_size,
        "partitions_optimized": metrics.partitions_optimized,
        "total_considered_files": metrics.total_considered_files,
    }))
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

pub fn vacuum(table: &Table, options: Option<&str>) -> Result<Value> {
    let options: VacuumOptions = parse_options(options)?;
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
