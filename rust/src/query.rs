//! Read-only SQL over snapshots, or over some files of theirs, as a stream.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::ffi_stream::FFI_ArrowArrayStream;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{DataFrame, SessionContext};
use deltalake::DeltaTable;
use deltalake::delta_datafusion::FileSelection;
use futures::StreamExt;
use object_store::path::Path;

use crate::cast::cast_exactly;
use crate::cluster::{self, Cluster};
use crate::runtime::Engine;
use crate::status::{Code, Failure, Result};
use crate::table::Snapshot;
use crate::{export, types};

/// A snapshot under the name that the SQL knows it by.
pub struct Table<'a> {
    pub name: String,
    pub snapshot: &'a Snapshot,
    /// Only these data files, by their paths as Snapshot::describe gives them; None: all.
    pub files: Option<Vec<String>>,
}

/// `cluster` None: in this process.
pub fn query(
    engine: &Arc<Engine>,
    tables: &[Table<'_>],
    sql: &str,
    cluster: Option<&Cluster>,
) -> Result<FFI_ArrowArrayStream> {
    let rows = engine.block_on(async {
        match cluster {
            Some(cluster) => cluster::query(engine, cluster, tables, sql).await,
            None => in_process(engine, tables, sql).await,
        }
    })?;
    let schema = plain_schema(&rows.schema());
    let reader = Rows { engine: engine.clone(), rows: Some(rows), schema: schema.clone() };
    Ok(export::stream(schema, reader))
}

pub async fn in_process(engine: &Engine, tables: &[Table<'_>], sql: &str) -> Result<SendableRecordBatchStream> {
    let session = engine.session();
    for table in tables {
        let mut delta = DeltaTable::new(table.snapshot.log_store.clone());
        delta.state = Some(table.snapshot.state().await?.clone());
        let mut provider = delta.table_provider();
        if let Some(files) = &table.files {
            provider = provider.with_file_selection(select_files(table, files).await?);
        }
        // Bare: a name is a name, whatever its letters, and never a path through catalogs.
        session.register_table(TableReference::bare(table.name.as_str()), provider.await?)?;
    }
    Ok(read_only(&session, sql).await?.execute_stream().await?)
}

/// `sql` as a plan over the tables of `session`.
pub async fn read_only(session: &SessionContext, sql: &str) -> Result<DataFrame> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    session.sql_with_options(sql, options).await.map_err(fault_of_sql)
}

pub fn fault_of_sql(e: DataFusionError) -> Failure {
    let failure = Failure::from(e);
    match failure.code {
        // Constant folding may already meet what would fail at run time.
        Code::Internal => failure.with_code(Code::InvalidArgument),
        _ => failure,
    }
}

async fn select_files(table: &Table<'_>, files: &[String]) -> Result<FileSelection> {
    let mut missing: HashSet<&str> = files.iter().map(String::as_str).collect();
    if !missing.is_empty() {
        for file in table.snapshot.state().await?.log_data().iter() {
            missing.remove(file.object_store_path().as_ref());
        }
    }
    if let Some(path) = missing.iter().min() {
        return Err(Failure::new(
            Code::NotFound,
            format!("version {} of table '{}' has no data file {path}", table.snapshot.version(), table.name),
        ));
    }
    // The log holds paths as URLs do: what is encoded in the name of a folder is so once more.
    Ok(FileSelection::from_file_paths(files.iter().map(|path| String::from(Path::from(path.as_str())))))
}

/// Spells types the one way consumers know, where that is possible without loss; leaves
/// alone what they have to reject by themselves (intervals, maps).
fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| {
        let ty = match f.data_type() {
            // A query may well ask for nanoseconds.
            DataType::Timestamp(_, _) => f.data_type().clone(),
            ty => types::sql_type(ty).unwrap_or_else(|_| ty.clone()),
        };
        f.as_ref().clone().with_data_type(ty)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

struct Rows {
    // The stream's tasks run on the engine: it must go first.
    rows: Option<SendableRecordBatchStream>,
    engine: Arc<Engine>,
    schema: SchemaRef,
}

impl Rows {
    fn convert(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| cast_exactly(column, field.data_type()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.rows.as_mut()?;
        match self.engine.block_on(rows.next()) {
            Some(batch) => Some(batch.map_err(Failure::from).and_then(|b| self.convert(&b))),
            None => {
                self.rows = None;
                None
            }
        }
    }
}
