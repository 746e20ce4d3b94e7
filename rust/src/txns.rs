//! All application transactions of a table. delta-rs looks up one app id at a time and
//! lists none, so the log is read here: the newest checkpoint, then the commits after it.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema};
use deltalake::kernel::Action;
use deltalake::logstore::{LogStore, LogStoreRef, get_actions};
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::status::{Code, Failure, Result};

pub async fn read_all(log_store: &LogStoreRef, version: u64) -> Result<BTreeMap<String, i64>> {
    let mut txns = BTreeMap::new();
    let mut next = 0;
    if let Some((at, parts)) = newest_checkpoint(log_store.as_ref(), version).await? {
        let store = log_store.object_store(None);
        for part in parts {
            read_checkpoint(store.get(&part).await?.bytes().await?, &mut txns)?;
        }
        next = at + 1;
    }
    for v in next..=version {
        let entry = log_store.read_commit_entry(v).await?.ok_or_else(|| {
            Failure::new(Code::DataLoss, format!("the log lacks version {v} and a checkpoint that replaces it"))
        })?;
        for action in get_actions(v, &entry)? {
            if let Action::Txn(txn) = action {
                txns.insert(txn.app_id, txn.version);
            }
        }
    }
    Ok(txns)
}

/// The files of the newest complete checkpoint at or below `version`.
async fn newest_checkpoint(log_store: &dyn LogStore, version: u64) -> Result<Option<(u64, Vec<Path>)>> {
    let store = log_store.object_store(None);
    let listed: Vec<_> = store.list(Some(log_store.log_path())).try_collect().await?;
    let mut found: BTreeMap<u64, (Vec<Path>, usize)> = BTreeMap::new();
    for object in listed {
        let Some((at, parts)) = object.location.filename().and_then(parse_checkpoint_name) else { continue };
        if at <= version {
            let entry = found.entry(at).or_insert_with(|| (Vec::new(), parts));
            // A classic checkpoint is as good as one in parts; either suffices.
            if parts == 1 {
                *entry = (vec![object.location], 1);
            } else if entry.1 == parts {
                entry.0.push(object.location);
            }
        }
    }
    let complete = found.into_iter().rev().find(|(_, (files, parts))| files.len() == *parts);
    Ok(complete.map(|(at, (files, _))| (at, files)))
}

/// `<version>.checkpoint.parquet` or `<version>.checkpoint.<part>.<parts>.parquet`;
/// returns the version and how many files make up the checkpoint.
fn parse_checkpoint_name(name: &str) -> Option<(u64, usize)> {
    let mut words = name.split('.');
    let version = words.next().filter(|w| w.len() == 20)?.parse().ok()?;
    match (words.next()?, words.collect::<Vec<_>>().as_slice()) {
        ("checkpoint", ["parquet"]) => Some((version, 1)),
        ("checkpoint", [_, parts, "parquet"]) => Some((version, parts.parse().ok()?)),
        _ => None,
    }
}

fn read_checkpoint(bytes: bytes::Bytes, txns: &mut BTreeMap<String, i64>) -> Result<()> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let Ok(column) = Schema::index_of(reader.schema(), "txn") else { return Ok(()) };
    let mask = ProjectionMask::roots(reader.parquet_schema(), [column]);
    for batch in reader.with_projection(mask).build()? {
        read_txn_column(&batch?, txns);
    }
    Ok(())
}

fn read_txn_column(batch: &RecordBatch, txns: &mut BTreeMap<String, i64>) {
    let Some(txn) = batch.column_by_name("txn").and_then(|c| c.as_struct_opt()) else { return };
    let ids = txn.column_by_name("appId").and_then(|c| c.as_string_opt::<i32>());
    let versions = txn.column_by_name("version").and_then(|c| c.as_primitive_opt::<Int64Type>());
    let (Some(ids), Some(versions)) = (ids, versions) else { return };
    for row in (0..txn.len()).filter(|&row| txn.is_valid(row) && ids.is_valid(row)) {
        txns.insert(ids.value(row).to_string(), versions.value(row));
    }
}

#[cfg(test)]
mod tests {
    use super::parse_checkpoint_name;

    #[test]
    fn checkpoint_names_are_told_from_commits() {
        assert_eq!(parse_checkpoint_name("00000000000000000012.checkpoint.parquet"), Some((12, 1)));
        let part = "00000000000000000012.checkpoint.0000000001.0000000003.parquet";
        assert_eq!(parse_checkpoint_name(part), Some((12, 3)));
        assert_eq!(parse_checkpoint_name("00000000000000000012.json"), None);
        assert_eq!(parse_checkpoint_name("_last_checkpoint"), None);
    }
}
