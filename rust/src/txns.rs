//! All application transactions of a table. delta-rs looks up one app id at a time and
//! lists none, so the log is read here: the newest checkpoint, then the commits after it.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, Schema};
use arrow::error::ArrowError;
use deltalake::kernel::Action;
use deltalake::logstore::{LogStoreRef, get_actions};
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use object_store::ObjectStoreExt;

use crate::cast::cast_exactly;
use crate::log::Log;
use crate::status::{Code, Failure, Result};

pub async fn read_all(log_store: &LogStoreRef, version: u64) -> Result<BTreeMap<String, i64>> {
    let mut txns = BTreeMap::new();
    let mut next = 0;
    if let Some((at, parts)) = Log::list_for(log_store, version).await?.newest_checkpoint(version) {
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
        read_txn_column(&batch?, txns).map_err(|e| {
            let failure = Failure::from(e).with_code(Code::DataLoss);
            failure.context("a checkpoint holds transactions that cannot be read")
        })?;
    }
    Ok(())
}

/// Writers differ in how they lay strings out. What cannot be read must not look like a position that was never there.
fn read_txn_column(batch: &RecordBatch, txns: &mut BTreeMap<String, i64>) -> Result<(), ArrowError> {
    let lacks = |what: &str| ArrowError::SchemaError(format!("no {what} in {}", batch.schema()));
    let txn = batch.column_by_name("txn").and_then(|c| c.as_struct_opt()).ok_or_else(|| lacks("struct txn"))?;
    let column = |name: &str, ty| cast_exactly(txn.column_by_name(name).ok_or_else(|| lacks(name))?, ty);
    let (ids, versions) = (column("appId", &DataType::Utf8)?, column("version", &DataType::Int64)?);
    let (ids, versions) = (ids.as_string::<i32>(), versions.as_primitive::<Int64Type>());
    for row in (0..txn.len()).filter(|&row| txn.is_valid(row) && ids.is_valid(row)) {
        txns.insert(ids.value(row).to_string(), versions.value(row));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, Int32Array, Int64Array, LargeStringArray, StringArray, StringViewArray, StructArray};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::Field;

    use super::*;

    fn read(ids: ArrayRef, versions: ArrayRef) -> Result<BTreeMap<String, i64>, ArrowError> {
        let fields = [("appId", ids), ("version", versions)].map(|(name, column)| {
            (Arc::new(Field::new(name, column.data_type().clone(), true)), column)
        });
        let (fields, columns): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
        // The second row is of another action.
        let txn = StructArray::new(fields.into(), columns, Some(NullBuffer::from(vec![true, false])));
        let batch = RecordBatch::try_from_iter([("txn", Arc::new(txn) as ArrayRef)])?;
        let mut txns = BTreeMap::new();
        read_txn_column(&batch, &mut txns).map(|()| txns)
    }

    #[test]
    fn every_layout_of_strings_is_read() {
        let versions: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
        let ids: [ArrayRef; 3] = [
            Arc::new(StringArray::from(vec![Some("a"), None])),
            Arc::new(LargeStringArray::from(vec![Some("a"), None])),
            Arc::new(StringViewArray::from(vec![Some("a"), None])),
        ];
        for ids in ids {
            assert_eq!(read(ids, versions.clone()).expect("readable"), BTreeMap::from([("a".to_string(), 7)]));
        }
        let narrow: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None]));
        let ids: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        assert_eq!(read(ids, narrow).expect("readable"), BTreeMap::from([("a".to_string(), 7)]));
    }

    #[test]
    fn what_cannot_be_read_is_not_passed_over() {
        let versions: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
        assert!(read(Arc::new(BinaryArray::from(vec![Some(b"a".as_slice()), None])), versions.clone()).is_err());
        assert!(read(versions.clone(), versions).is_err());
    }
}
