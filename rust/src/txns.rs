//! All application transactions of a table. delta-rs looks up one app id at a time and
//! lists none, so the log is read here: the newest checkpoint, then the commits after it.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema};
use deltalake::kernel::Action;
use deltalake::logstore::{LogStoreRef, get_actions};
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use object_store::ObjectStoreExt;

use crate::log::Log;
use crate::status::{Code, Failure, Result};

pub async fn read_all(log_store: &LogStoreRef, version: u64) -> Result<BTreeMap<String, i64>> {
    let mut txns = BTreeMap::new();
    let mut next = 0;
    if let Some((at, parts)) = Log::list(log_store).await?.newest_checkpoint(version) {
        let store = log_store.object_store(None);
        for part in parts {
            read_checkpoint(store.get(part).await?.bytes().await?, &mut txns)?;
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
