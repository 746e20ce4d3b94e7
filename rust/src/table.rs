//! Tables: create, open, snapshot, describe.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::transaction::{CommitProperties, PROTOCOL};
use deltalake::kernel::{self, Metadata, Protocol, StructField, StructType, Transaction};
use deltalake::logstore::LogStoreRef;
use deltalake::operations::create::CreateBuilder;
use deltalake::table::config::TablePropertiesExt;
use deltalake::table::state::DeltaTableState;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use url::Url;

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
    newest: Mutex<(u64, Arc<Layout>)>,
}

/// What versions have in common as long as nobody changes the table's schema, properties or protocol.
pub struct Layout {
    pub schema: SchemaRef,
    /// Of the version in which it was first seen here.
    log: kernel::Snapshot,
    /// Why commits are refused: the table has a feature that delta-rs does not write.
    writable: OnceCell<Result<()>>,
}

/// One version of a table. What costs memory or reading is loaded when it is first asked for: a commit needs none of it.
pub struct Snapshot {
    pub engine: Arc<Engine>,
    pub log_store: LogStoreRef,
    pub layout: Arc<Layout>,
    version: u64,
    txns: OnceCell<BTreeMap<String, i64>>,
    /// With the record of every data file.
    state: OnceCell<DeltaTableState>,
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
        Self::assemble(engine, location, log_store).map_err(|failure| {
            failure.context("the table was created, but cannot be read").with_code(Code::OutcomeUnknown)
        })
    }

    pub fn open(engine: &Arc<Engine>, location: Location) -> Result<Self> {
        let log_store = location.log_store()?;
        if !engine.block_on(log_store.is_delta_table_location())? {
            return Err(Failure::new(Code::NotFound, format!("no Delta table at {}", location.url)));
        }
        Self::assemble(engine, location, log_store)
    }

    fn assemble(engine: &Arc<Engine>, location: Location, log_store: LogStoreRef) -> Result<Self> {
        let layout = Layout::of(engine.block_on(open_log(&log_store, None))?)?;
        let newest = Mutex::new((layout.log.version(), Arc::new(layout)));
        Ok(Self { engine: engine.clone(), location, log_store, newest })
    }

    pub fn layout(&self) -> Arc<Layout> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    pub fn snapshot(&self, version: Option<u64>) -> Result<Snapshot> {
        let snapshot = self.engine.block_on(async {
            match version {
                Some(v) => readable(&self.log_store, v, async || self.load(version).await).await,
                None => self.load(None).await,
            }
        })?;
        if version.is_none() {
            self.adopt(&snapshot);
        }
        Ok(snapshot)
    }

    /// `version` or the newest one. What writers write for stays.
    pub async fn load(&self, version: Option<u64>) -> Result<Snapshot> {
        let log = open_log(&self.log_store, version).await?;
        let (version, known) = (log.version(), self.layout());
        let layout = match known.is_of(&log) {
            true => known,
            false => Arc::new(Layout::of(log)?),
        };
        Ok(Snapshot::new(self.engine.clone(), self.log_store.clone(), layout, version))
    }

    /// From now on files are written for `snapshot`, unless they are for a newer one already.
    pub fn adopt(&self, snapshot: &Snapshot) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.0 <= snapshot.version {
            *newest = (snapshot.version, snapshot.layout.clone());
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
    fn of(log: kernel::Snapshot) -> Result<Self> {
        refuse_features(log.metadata(), log.protocol())?;
        let schema: Schema = log
            .schema()
            .as_ref()
            .try_into_arrow()
            .map_err(|e| Failure::translate(&e, Code::Internal).context("table schema"))?;
        Ok(Self { schema: Arc::new(schema), log, writable: OnceCell::new() })
    }

    fn is_of(&self, log: &kernel::Snapshot) -> bool {
        self.metadata() == log.metadata() && self.protocol() == log.protocol()
    }

    pub fn metadata(&self) -> &Metadata {
        self.log.metadata()
    }

    fn protocol(&self) -> &Protocol {
        self.log.protocol()
    }

    pub fn columns(&self) -> Arc<StructType> {
        self.log.schema()
    }

    pub fn partition_columns(&self) -> &[String] {
        self.metadata().partition_columns()
    }

    pub fn properties(&self) -> &impl TablePropertiesExt {
        self.log.table_properties()
    }
}

/// Reads protocol, schema and properties, and no data file's record.
async fn open_log(log_store: &LogStoreRef, version: Option<u64>) -> Result<kernel::Snapshot> {
    log_store.refresh().await?;
    Ok(kernel::Snapshot::try_new(log_store, version).await?)
}

/// `read`, which reads `version`; NotFound if the log says that it is no longer there.
async fn readable<T>(log_store: &LogStoreRef, version: u64, read: impl AsyncFn() -> Result<T>) -> Result<T> {
    let failure = match read().await {
        Err(failure) => failure,
        done => return done,
    };
    if matches!(failure.code, Code::Unavailable | Code::PermissionDenied | Code::ResourceExhausted) {
        return Err(failure);
    }
    match Log::list(log_store).await {
        Ok(log) if !log.can_read(version) => Err(Failure::new(
            Code::NotFound,
            format!("{} has no version {version}, or no longer", log_store.root_url()),
        )),
        // Cleaned up while it was read, and readable from a newer checkpoint.
        Ok(_) if matches!(failure.code, Code::NotFound | Code::DataLoss) => read().await,
        _ => Err(failure),
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

fn refuse_features(metadata: &Metadata, protocol: &Protocol) -> Result<()> {
    refuse_properties(&json!(metadata.configuration()))?;
    let protocol = serde_json::to_value(protocol)?;
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
    fn new(engine: Arc<Engine>, log_store: LogStoreRef, layout: Arc<Layout>, version: u64) -> Self {
        Self { engine, log_store, layout, version, txns: OnceCell::new(), state: OnceCell::new() }
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn table_url(&self) -> &Url {
        self.log_store.root_url()
    }

    /// A later version, of the same layout, in which `txns` are all that were ever set.
    pub fn succeeded_by(&self, version: u64, txns: BTreeMap<String, i64>) -> Self {
        let next = Self::new(self.engine.clone(), self.log_store.clone(), self.layout.clone(), version);
        Self { txns: OnceCell::new_with(Some(txns)), ..next }
    }

    /// Asked once of a layout, by the first commit: delta-rs wants the files for it, too.
    pub async fn require_writable(&self) -> Result<()> {
        let judge = async || {
            let judged = PROTOCOL.can_write_to(self.state().await?);
            Ok::<_, Failure>(judged.map_err(|e| Failure::translate(&e, Code::InvalidArgument)))
        };
        self.layout.writable.get_or_try_init(judge).await?.clone()
    }

    /// What a reader of the data files needs.
    pub async fn state(&self) -> Result<&DeltaTableState> {
        let load = async || Ok(DeltaTableState::try_new(&self.log_store, Some(self.version)).await?);
        self.state.get_or_try_init(|| readable(&self.log_store, self.version, load)).await
    }

    pub async fn txns(&self) -> Result<&BTreeMap<String, i64>> {
        let read = async || txns::read_all(&self.log_store, self.version).await;
        self.txns.get_or_try_init(|| readable(&self.log_store, self.version, read)).await
    }

    pub fn txn(&self, app_id: &str) -> Result<Option<i64>> {
        Ok(self.engine.block_on(self.txns())?.get(app_id).copied())
    }

    pub fn describe(&self, with_files: bool) -> Result<Value> {
        let (state, txns) = self.engine.block_on(async { tokio::try_join!(self.state(), self.txns()) })?;
        let metadata = serde_json::to_value(self.layout.metadata())?;
        let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap_or("null"))?;
        let (mut files, mut num_files, mut size) = (Vec::new(), 0u64, 0i64);
        let mut rows = Some(0u64);
        for file in state.log_data().iter() {
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
            "version": self.version,
            "schema": schema,
            "partition_columns": self.layout.partition_columns(),
            "properties": self.layout.metadata().configuration(),
            "description": self.layout.metadata().description(),
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
