//! One version of a Delta table as the Parquet files it consists of: what a scheduler gets to see instead of the log.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Column, DFSchema, Result as PlanResult, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::{PruningPredicateBuilder, PruningStatistics};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use deltalake::kernel::EagerSnapshot;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::status::Result;
use crate::table::Snapshot;

/// A data file. Its path is relative to the table, its partition values are spelled as Delta spells them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct File {
    path: String,
    size: u64,
    /// None: the log does not say.
    rows: Option<u64>,
    partition: Vec<Option<String>>,
}

/// What crosses besides the schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    url: Url,
    version: u64,
    partition_columns: Vec<String>,
    files: Vec<File>,
}

#[derive(Debug)]
pub struct ResolvedTable {
    pub spec: Spec,
    /// The table's own, in its order.
    schema: SchemaRef,
    /// Where the files and their statistics were found, on the driver: it takes the files away that no row can come from.
    known: Option<Arc<EagerSnapshot>>,
}

impl ResolvedTable {
    pub async fn of(snapshot: &Snapshot) -> Result<Self> {
        let state = snapshot.state().await?.snapshot().clone();
        let partition_columns = state.metadata().partition_columns().to_vec();
        let log = state.log_data();
        let files = log.iter().map(|file| {
            let values = file.partition_values_map();
            File {
                path: file.object_store_path().to_string(),
                size: u64::try_from(file.size()).unwrap_or_default(),
                rows: file.num_records().map(|rows| rows as u64),
                partition: partition_columns.iter().map(|c| values.get(c).cloned().flatten()).collect(),
            }
        });
        let files = files.collect();
        let spec = Spec { url: snapshot.table_url().clone(), version: snapshot.version(), partition_columns, files };
        Ok(Self { schema: snapshot.layout.schema.clone(), spec, known: Some(Arc::new(state)) })
    }

    pub fn received(spec: Spec, schema: SchemaRef) -> Self {
        Self { spec, schema, known: None }
    }

    /// Without the files that have no row for which all of `filters` hold, as their statistics say.
    pub fn pruned(&self, filters: &[Expr], session: &dyn Session) -> PlanResult<Option<Self>> {
        let (Some(known), Some(filter)) = (&self.known, conjunction(filters.iter().cloned())) else { return Ok(None) };
        let schema = DFSchema::try_from(self.schema.clone())?;
        let filter = session.create_physical_expr(unnormalize_col(filter), &schema)?;
        let kept = PruningPredicateBuilder::new().with_file_schema(self.schema.clone()).try_build(filter)?.prune(&LogStatistics(known))?;
        let mut spec = self.spec.clone();
        let mut kept = kept.into_iter();
        spec.files.retain(|_| kept.next().unwrap_or(true));
        Ok(Some(Self { spec, schema: self.schema.clone(), known: None }))
    }

    /// The columns as a scan of files has them: those of the files, then those of their folders.
    fn scanned(&self) -> PlanResult<TableSchema> {
        let is_partition = |f: &&FieldRef| self.spec.partition_columns.contains(f.name());
        let in_files: Vec<FieldRef> = self.schema.fields().iter().filter(|f| !is_partition(f)).cloned().collect();
        let names = self.spec.partition_columns.iter();
        let in_folders = names.map(|c| Ok(Arc::new(self.schema.field_with_name(c)?.clone())));
        let in_folders = in_folders.collect::<PlanResult<Vec<FieldRef>>>()?;
        Ok(TableSchema::builder(Arc::new(Schema::new(in_files))).with_table_partition_cols(in_folders).build())
    }

    fn partitioned_file(&self, file: &File, scanned: &TableSchema) -> PlanResult<PartitionedFile> {
        let table = Path::from_url_path(self.spec.url.path())?;
        let location = Path::parse(format!("{table}/{}", file.path))?;
        let values = file.partition.iter().zip(scanned.table_partition_cols().iter());
        let values = values.map(|(value, field)| partition_value(value.as_deref(), field.data_type()));
        let mut partitioned = PartitionedFile::new("", file.size).with_partition_values(values.collect::<PlanResult<_>>()?);
        partitioned.object_meta.location = location;
        Ok(partitioned)
    }

    /// Of the whole table. Nothing about columns: DataFusion takes the values of partition columns for never NULL.
    fn statistics(&self, scanned: &TableSchema) -> Statistics {
        let total = |of: fn(&File) -> Option<u64>| {
            let sum = self.spec.files.iter().map(of).try_fold(0_u64, |sum, n| sum.checked_add(n?));
            sum.and_then(|sum| usize::try_from(sum).ok())
        };
        let (rows, bytes) = (total(|file| file.rows), total(|file| Some(file.size)));
        Statistics::new_unknown(scanned.table_schema())
            .with_num_rows(rows.map_or(Precision::Absent, Precision::Exact))
            .with_total_byte_size(bytes.map_or(Precision::Absent, Precision::Inexact))
    }

    fn store(&self) -> PlanResult<ObjectStoreUrl> {
        match self.spec.url.scheme() {
            "file" => Ok(ObjectStoreUrl::local_filesystem()),
            _ => ObjectStoreUrl::parse(&self.spec.url[..url::Position::BeforePath]),
        }
    }
}

/// What the log says of each file, as far as it can be believed: delta-rs writes timestamps cut to milliseconds, and decimals by
/// way of a float.
struct LogStatistics<'a>(&'a EagerSnapshot);

impl LogStatistics<'_> {
    fn believed(values: ArrayRef) -> Option<ArrayRef> {
        let is_decimal = matches!(values.data_type(), DataType::Decimal128(..) | DataType::Decimal256(..));
        (!is_decimal).then_some(values)
    }
}

impl PruningStatistics for LogStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        Self::believed(self.0.min_values(column)?)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        let values = Self::believed(self.0.max_values(column)?)?;
        match values.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let cut: &TimestampMicrosecondArray = values.as_primitive();
                let raised: TimestampMicrosecondArray = cut.unary(|us| us.saturating_add(999));
                Some(Arc::new(raised.with_timezone_opt(zone.clone())))
            }
            DataType::Timestamp(..) => None,
            _ => Some(values),
        }
    }

    fn num_containers(&self) -> usize {
        self.0.num_containers()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.0.null_counts(column)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        self.0.row_counts()
    }

    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        self.0.contained(column, values)
    }
}

fn partition_value(value: Option<&str>, ty: &DataType) -> PlanResult<ScalarValue> {
    match value {
        Some(text) if !text.is_empty() => ScalarValue::try_from_string(text.to_string(), ty),
        // Delta knows no empty text there.
        _ => ScalarValue::try_from(ty),
    }
}

#[async_trait]
impl TableProvider for ResolvedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> PlanResult<Vec<TableProviderFilterPushDown>> {
        // They take files and row groups away; what is left is looked at again.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let scanned = self.scanned()?;
        let files = self.spec.files.iter().map(|f| self.partitioned_file(f, &scanned));
        let files = files.collect::<PlanResult<Vec<_>>>()?;
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all).iter();
        let columns = wanted.map(|&i| Ok(scanned.table_schema().index_of(self.schema.field(i).name())?));
        let columns = columns.collect::<PlanResult<Vec<_>>>()?;
        if files.is_empty() {
            // A scan without partitions would be a stage without tasks, which never ends.
            return Ok(Arc::new(EmptyExec::new(Arc::new(scanned.table_schema().project(&columns)?))));
        }
        let statistics = self.statistics(&scanned);
        let tasks = session.config().target_partitions().min(files.len());
        let scan = FileScanConfigBuilder::new(self.store()?, Arc::new(ParquetSource::new(scanned)))
            .with_file_groups(FileGroup::new(files).split_files(tasks))
            .with_statistics(statistics)
            .with_limit(limit)
            .with_projection_indices(Some(columns))?
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}
