//! Tables: create, open, snapshot, describe.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use deltalake::kernel::Transaction;
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::transaction::CommitProperties;
use deltalake::kernel::{StructField, StructType};
use deltalake::logstore::LogStoreRef;
use deltalake::operations::create::CreateBuilder;
use deltalake::table::state::DeltaTableState;
use serde_json::{Map, Value, json};

use crate::log::Log;
use crate::runtime::Engine;
use crate::status::{Code, Failure, Result, lost_race};
use crate::store::Location;
use crate::{txns, types};

pub struct Table {
    pub engine: Arc<Engine>,
    pub location: Location,
    pub log_store: LogStoreRef,
    /// As of the newest version seen here: what weir_files_write writes for.
    layout: Mutex<Arc<Layout>>,
}

/// What a writer has to know of a table.
pub struct Layout {
    pub schema: SchemaRef,
    pub partition_columns: Vec<String>,
    pub state: DeltaTableState,
}

pub struct Snapshot {
    pub engine: Arc<Engine>,
    pub log_store: LogStoreRef,
    pub state: DeltaTableState,
}

pub struct CreateOptions {
    pub partition_columns: Vec<String>,
    pub properties: Vec<(String, String)>,
    pub txns: Vec<Transaction>,
    pub description: Option<String>,
}

/// The hooks that delta-rs would run inside a commit are ours to schedule: they can fail
/// or take long, and the commit has landed by then.
pub fn commit_properties(txns: Vec<Transaction>) -> CommitProperties {
    CommitProperties::default()
        .with_application_transactions(txns)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false))
}

impl Table {
    pub fn create(
        engine: &Arc<Engine>,
        location: Location,
        schema: &Schema,
        options: CreateOptions,
    ) -> Result<Self> {
        let schema = types::delta_schema(schema)?;
        for column in &options.partition_columns {
            if schema.index_of(column).is_err() {
                return Err(Failure::invalid(format!("partition column '{column}' is not in the schema")));
            }
        }
        let properties: Map<String, Value> =
            options.properties.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect();
        refuse_properties(&Value::Object(properties))?;
        let log_store = location.log_store()?;
        engine.block_on(commit_create(&log_store, &schema, options))?;
        let state = engine.block_on(DeltaTableState::try_new(&log_store, None)).map_err(|e| {
            Failure::from(e).context("the table was created, but cannot be read").with_code(Code::OutcomeUnknown)
        })?;
        Self::assemble(engine, location, log_store, state)
    }

    pub fn open(engine: &Arc<Engine>, location: Location) -> Result<Self> {
        let log_store = location.log_store()?;
        let state = engine.block_on(async {
            if !log_store.is_delta_table_location().await? {
                return Err(Failure::new(Code::NotFound, format!("no Delta table at {}", location.url)));
            }
            Ok(DeltaTableState::try_new(&log_store, None).await?)
        })?;
        Self::assemble(engine, location, log_store, state)
    }

    fn assemble(
        engine: &Arc<Engine>,
        location: Location,
        log_store: LogStoreRef,
        state: DeltaTableState,
    ) -> Result<Self> {
        let layout = Mutex::new(Arc::new(Layout::of(state)?));
        Ok(Self { engine: engine.clone(), location, log_store, layout })
    }

    pub fn layout(&self) -> Arc<Layout> {
        self.layout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Always loaded from the log, and so from its last checkpoint: a state that is
    /// carried from commit to commit grows with each of them.
    pub fn snapshot(&self, version: Option<u64>) -> Result<Snapshot> {
        let load = DeltaTableState::try_new(&self.log_store, version);
        let state = self.engine.block_on(load).map_err(|e| match version {
            Some(v) => self.explain_missing_version(v, e.into()),
            None => e.into(),
        })?;
        match version {
            None => self.adopt(&state)?,
            Some(_) => refuse_features(&state)?,
        }
        Ok(Snapshot { engine: self.engine.clone(), log_store: self.log_store.clone(), state })
    }

    /// The newest version, for an operation of the engine's own: what writers write for stays.
    pub async fn newest(&self) -> Result<Snapshot> {
        let state = DeltaTableState::try_new(&self.log_store, None).await?;
        Ok(Snapshot { engine: self.engine.clone(), log_store: self.log_store.clone(), state })
    }

    /// From now on files are written for `state`, unless they are for a newer one already.
    pub fn adopt(&self, state: &DeltaTableState) -> Result<()> {
        let layout = Layout::of(state.clone())?;
        let mut current = self.layout.lock().unwrap_or_else(PoisonError::into_inner);
        if current.state.version() <= state.version() {
            *current = Arc::new(layout);
        }
        Ok(())
    }

    fn explain_missing_version(&self, version: u64, failure: Failure) -> Failure {
        if matches!(failure.code, Code::Unavailable | Code::PermissionDenied | Code::ResourceExhausted) {
            return failure;
        }
        match self.engine.block_on(Log::list(&self.log_store)) {
            Ok(log) if !log.can_read(version) => Failure::new(
                Code::NotFound,
                format!("{} has no version {version}, or no longer", self.location.url),
            ),
            _ => failure,
        }
    }

    /// The newest version committed at or before `time_ms` (milliseconds since 1970, UTC).
    pub fn snapshot_at(&self, time_ms: i64) -> Result<Snapshot> {
        let log = self.engine.block_on(Log::list(&self.log_store))?;
        let version = log.version_at(time_ms).ok_or_else(|| {
            let oldest = log.oldest().map_or_else(|| "none".to_string(), |v| v.to_string());
            Failure::new(
                Code::NotFound,
                format!(
                    "{} has no version from {time_ms} ms after 1970 or before, or no longer; \
                     the oldest version in its log is {oldest}",
                    self.location.url
                ),
            )
        })?;
        self.snapshot(Some(version))
    }
}

impl Layout {
    fn of(state: DeltaTableState) -> Result<Self> {
        refuse_features(&state)?;
        let schema: Schema = state
            .schema()
            .as_ref()
            .try_into_arrow()
            .map_err(|e| Failure::translate(&e, Code::Internal).context("table schema"))?;
        Ok(Self {
            schema: Arc::new(schema),
            partition_columns: state.metadata().partition_columns().to_vec(),
            state,
        })
    }
}

async fn commit_create(log_store: &LogStoreRef, schema: &Schema, options: CreateOptions) -> Result<()> {
    let taken = || Failure::new(Code::AlreadyExists, format!("there is a table at {}", log_store.root_url()));
    if log_store.is_delta_table_location().await? {
        return Err(taken());
    }
    let kernel: StructType = schema.try_into_kernel().map_err(|e| Failure::translate(&e, Code::InvalidArgument))?;
    let columns: Vec<StructField> = kernel.fields().cloned().collect();
    let mut create = CreateBuilder::new()
        .with_log_store(log_store.clone())
        .with_columns(columns)
        .with_partition_columns(options.partition_columns)
        .with_raise_if_key_not_exists(false)
        .with_configuration(options.properties.into_iter().map(|(k, v)| (k, Some(v))))
        // With retries a create that lost a race would go in as version 1.
        .with_commit_properties(commit_properties(options.txns).with_max_retries(0));
    if let Some(description) = options.description {
        create = create.with_comment(description);
    }
    let Err(error) = create.await else { return Ok(()) };
    let raced = lost_race(&error);
    let failure = Failure::from(error);
    match log_store.is_delta_table_location().await {
        // Somebody else's, unless ours arrived although its answer did not.
        Ok(true) if raced => Err(taken()),
        Ok(true) => Err(failure.with_code(Code::OutcomeUnknown)),
        _ => Err(failure),
    }
}

fn refuse_features(state: &DeltaTableState) -> Result<()> {
    refuse_properties(&json!(state.metadata().configuration()))?;
    let protocol = serde_json::to_value(state.protocol())?;
    let features = protocol["readerFeatures"].as_array();
    for feature in features.into_iter().flatten().filter_map(Value::as_str) {
        if matches!(feature, "deletionVectors" | "columnMapping") {
            return Err(unsupported(feature));
        }
    }
    Ok(())
}

fn refuse_properties(properties: &Value) -> Result<()> {
    let value = |key: &str| properties[key].as_str().unwrap_or_default().to_ascii_lowercase();
    if value("delta.enableDeletionVectors") == "true" {
        return Err(unsupported("deletionVectors"));
    }
    if !matches!(value("delta.columnMapping.mode").as_str(), "" | "none") {
        return Err(unsupported("columnMapping"));
    }
    Ok(())
}

fn unsupported(feature: &str) -> Failure {
    Failure::invalid(format!(
        "the table uses the Delta feature {feature}, which Weir does not write; \
         drop the feature or copy the rows into a new table"
    ))
}

impl Snapshot {
    pub fn txn(&self, app_id: &str) -> Result<Option<i64>> {
        let read = self.state.transaction_version(&self.log_store, app_id);
        Ok(self.engine.block_on(read)?)
    }

    pub fn describe(&self, with_files: bool) -> Result<Value> {
        let metadata = serde_json::to_value(self.state.metadata())?;
        let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap_or("null"))?;
        let txns = self.engine.block_on(txns::read_all(&self.log_store, self.state.version()))?;
        let (mut files, mut num_files, mut size) = (Vec::new(), 0u64, 0i64);
        let mut rows = Some(0u64);
        for file in self.state.log_data().iter() {
            num_files += 1;
            size += file.size();
            let num_rows = file.num_records().map(|n| n as u64);
            rows = rows.zip(num_rows).map(|(a, b)| a + b);
            if with_files {
                let stats = file.stats().and_then(|s| serde_json::from_str::<Value>(&s).ok());
                files.push(json!({
                    "path": file.object_store_path().as_ref(),
                    "size": file.size(),
                    "num_rows": num_rows,
                    "modification_time": file.modification_time(),
                    "partition_values": file.partition_values_map(),
                    "stats": stats,
                }));
            }
        }
        let mut document = json!({
            "version": self.state.version(),
            "schema": schema,
            "partition_columns": self.state.metadata().partition_columns(),
            "properties": self.state.metadata().configuration(),
            "description": self.state.metadata().description(),
            "num_files": num_files,
            "num_rows": rows,
            "size_bytes": size,
            "txns": txns,
        });
        if with_files {
            document["files"] = Value::Array(files);
        }
        Ok(document)
    }
}
