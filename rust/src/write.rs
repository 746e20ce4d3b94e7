//! Rows -> Parquet files that nobody sees yet.

use std::num::NonZeroU64;
use std::sync::Arc;

use arrow::ffi_stream::ArrowArrayStreamReader;
use arrow::record_batch::RecordBatchReader;
use deltalake::datafile::writer::{DeltaWriter, WriterConfig};
use deltalake::kernel::Add;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use deltalake::table::config::TablePropertiesExt;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cast::Conform;
use crate::naming;
use crate::status::{Code, Failure, Result};
use crate::table::{Layout, Table};

const DEFAULT_FILE_BYTES: u64 = 128 << 20;
const DEFAULT_ZSTD_LEVEL: i32 = 1;
/// A row group is held in memory until it is complete, one per open partition.
const ROW_GROUP_BYTES_MAX: usize = 32 << 20;
/// At files that others wrote.
const LOOKS_AT_ONCE: usize = 16;
/// Rows between two looks at the size of the file.
const ROWS_PER_SLICE: usize = 8192;

pub struct Files {
    /// The table they were written for.
    pub table_url: url::Url,
    pub adds: Vec<Add>,
    pub num_rows: u64,
}

pub struct WriteOptions {
    /// 0: the default, as for the level.
    pub target_file_bytes: u64,
    pub zstd_level: i32,
    pub name_prefix: Option<String>,
}

/// Parquet as Weir writes it everywhere. `level` 0: the default.
pub fn parquet_properties(level: i32) -> Result<WriterProperties> {
    let level = if level == 0 { DEFAULT_ZSTD_LEVEL } else { level };
    let zstd = ZstdLevel::try_new(level).map_err(|e| Failure::invalid(format!("zstd level {level}: {e}")))?;
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
        .set_created_by(concat!("weir-engine ", env!("CARGO_PKG_VERSION")).to_string())
        .build())
}

/// Pulls `rows` on the calling thread, which also encodes; a batch is forgotten as soon as
/// it is encoded. Uploads of finished files run on the engine's threads.
pub fn write(table: &Table, rows: ArrowArrayStreamReader, options: &WriteOptions) -> Result<Files> {
    let layout = table.layout();
    let conform = Conform::new(rows.schema().as_ref(), layout.schema.clone())?;
    let mut writer = open_writer(table, &layout, options)?;
    let mut num_rows = 0;
    for batch in rows {
        let written = batch.map_err(|e| Failure::from(e).context("reading the rows")).and_then(|batch| {
            num_rows += batch.num_rows() as u64;
            let batch = conform.apply(&batch)?;
            Ok(table.engine.block_on(writer.write(&batch))?)
        });
        if let Err(failure) = written {
            // The first failure is the one worth telling; what stays behind is vacuumed.
            let _ = table.engine.block_on(writer.abort());
            return Err(failure);
        }
    }
    let adds = table.engine.block_on(writer.close())?;
    let adds = match &options.name_prefix {
        Some(prefix) => adds.into_iter().map(|add| renamed(add, prefix)).collect(),
        None => adds,
    };
    Ok(Files { table_url: table.location.url.clone(), adds, num_rows })
}

fn open_writer(table: &Table, layout: &Layout, options: &WriteOptions) -> Result<DeltaWriter> {
    let store = match &options.name_prefix {
        Some(prefix) if !naming::is_valid_prefix(prefix) => {
            return Err(Failure::invalid(format!(
                "file name prefix '{prefix}': letters, digits, '-', '_' and '.' only, not starting with '_' or '.'"
            )));
        }
        Some(prefix) => table.location.folder_with_prefix(prefix)?,
        None => table.location.folder()?,
    };
    let target = match options.target_file_bytes {
        0 => DEFAULT_FILE_BYTES,
        n => n,
    };
    let stats_columns = layout
        .metadata()
        .configuration()
        .get("delta.dataSkippingStatsColumns")
        .map(|list| list.split(',').map(|c| c.trim().to_string()).collect());
    let config = WriterConfig::new(
        layout.schema.clone(),
        layout.partition_columns().to_vec(),
        Some(parquet_properties(options.zstd_level)?),
        NonZeroU64::new(target),
        Some(ROWS_PER_SLICE),
        layout.properties().num_indexed_cols(),
        stats_columns,
    );
    Ok(DeltaWriter::new(store, config))
}

/// The store named the file behind the writer's back; the add has to agree.
fn renamed(mut add: Add, prefix: &str) -> Add {
    let split = add.path.rfind('/').map_or(0, |slash| slash + 1);
    add.path.insert_str(split, prefix);
    add
}

/// Nobody keeps what no version refers to: a vacuum may have been there.
async fn require_all(store: Arc<dyn ObjectStore>, adds: &[Add]) -> Result<()> {
    let looked = stream::iter(adds).map(|add| {
        let store = &store;
        async move {
            let path = Path::parse(&add.path).map_err(|e| Failure::invalid(e.to_string()))?;
            let found = store.head(&path).await.map_err(|e| Failure::from(e).context(&add.path))?;
            match i64::try_from(found.size) {
                Ok(size) if size == add.size => Ok(()),
                _ => Err(Failure::new(Code::NotFound, format!("{} has {} bytes, not {}", add.path, found.size, add.size))),
            }
        }
    });
    looked.buffer_unordered(LOOKS_AT_ONCE).try_collect().await
}

impl Files {
    /// Files of `table` that were written elsewhere, each of `texts` as describe() put it. All of them are there.
    pub fn adopted<'a>(table: &Table, texts: impl Iterator<Item = &'a str>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Described {
            num_rows: u64,
            adds: Vec<Add>,
        }
        let mut files = Self { table_url: table.location.url.clone(), adds: Vec::new(), num_rows: 0 };
        for text in texts {
            let described: Described =
                serde_json::from_str(text).map_err(|e| Failure::invalid(format!("a description of files: {e}")))?;
            files.adds.extend(described.adds);
            files.num_rows += described.num_rows;
        }
        table.engine.block_on(require_all(table.location.folder()?, &files.adds))?;
        Ok(files)
    }

    pub fn describe(&self) -> Result<Value> {
        let size: i64 = self.adds.iter().map(|a| a.size).sum();
        Ok(json!({
            "num_files": self.adds.len(),
            "num_rows": self.num_rows,
            "size_bytes": size,
            "adds": serde_json::to_value(&self.adds)?,
        }))
    }
}
