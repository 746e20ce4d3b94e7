//! Jobs that are no queries: parts, each done by the program around this library on whichever executor it comes to.
//!
//! A part may be done twice, by two executors at once, and after its job was cancelled. So whoever does it makes nothing
//! visible, and what this job returns proves nothing: what counts is what the parts left in storage.

use std::ffi::{CString, c_char, c_void};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

const MESSAGE_BYTES: usize = 4096;

type Stopped = unsafe extern "C" fn(task: *const c_void) -> bool;
pub type WorkFn = unsafe extern "C" fn(
    context: *mut c_void,
    spec: *const c_char,
    part: *const c_char,
    stopped: Stopped,
    task: *const c_void,
    message: *mut c_char,
    message_size: usize,
) -> i32;

/// The program around this library, as far as it does parts.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Worker {
    context: *mut c_void,
    work: WorkFn,
}

// The header asks for a worker that any thread may use, several at a time.
unsafe impl Send for Worker {}
unsafe impl Sync for Worker {}

/// What all parts of a job share, and what each is about. Both are the program's own texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    pub spec: String,
    pub parts: Vec<String>,
}

/// One row per part, which is there once the part is done.
#[derive(Debug)]
pub struct WorkTable(pub Work);

/// Does the parts that its input names. One row of the input is one part; a partition is a task.
#[derive(Debug)]
pub struct WorkExec {
    pub spec: String,
    input: Arc<dyn ExecutionPlan>,
    /// None: where it is planned only.
    worker: Option<Worker>,
    properties: Arc<PlanProperties>,
}

struct Task(AtomicBool);

/// Tells the part that nobody waits for it any more.
struct StopOnDrop(Arc<Task>);

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("part", DataType::Utf8, false)]))
}

unsafe extern "C" fn stopped(task: *const c_void) -> bool {
    unsafe { task.cast::<Task>().as_ref() }.is_none_or(|task| task.0.load(Ordering::Relaxed))
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Worker {
    fn call(&self, spec: &str, part: &str, task: &Task) -> Result<()> {
        let text = |text: &str| CString::new(text).map_err(|e| DataFusionError::External(Box::new(e)));
        let (spec, part) = (text(spec)?, text(part)?);
        let mut message = vec![0_u8; MESSAGE_BYTES];
        let (into, task) = (message.as_mut_ptr().cast::<c_char>(), std::ptr::from_ref(task).cast::<c_void>());
        let code = unsafe { (self.work)(self.context, spec.as_ptr(), part.as_ptr(), stopped, task, into, MESSAGE_BYTES) };
        if code == 0 {
            return Ok(());
        }
        let end = message.iter().position(|&byte| byte == 0).unwrap_or(MESSAGE_BYTES);
        exec_err!("a part was not done (code {code}): {}", String::from_utf8_lossy(&message[..end]))
    }

    async fn work(self, spec: String, part: String) -> Result<()> {
        let task = Arc::new(Task(AtomicBool::new(false)));
        let _stop = StopOnDrop(task.clone());
        // It reads, writes and waits, for minutes.
        let done = tokio::task::spawn_blocking(move || self.call(&spec, &part, &task)).await;
        done.map_err(|e| DataFusionError::External(Box::new(e)))?
    }
}

impl WorkExec {
    pub fn new(spec: String, input: Arc<dyn ExecutionPlan>, worker: Option<Worker>) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { spec, input, worker, properties: Arc::new(properties) }
    }
}

#[async_trait]
impl TableProvider for WorkTable {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if projection.is_some_and(|columns| columns != &[0]) {
            return exec_err!("the parts of a job are read as they are");
        }
        let batch = |part: &String| RecordBatch::try_new(schema(), vec![Arc::new(StringArray::from(vec![part.as_str()]))]);
        let parts = self.0.parts.iter().map(|part| Ok(vec![batch(part)?])).collect::<Result<Vec<_>>>()?;
        // A scheduler cuts the leaves that it knows into tasks, and only those.
        let input = DataSourceExec::from_data_source(MemorySourceConfig::try_new(&parts, schema(), None)?);
        Ok(Arc::new(WorkExec::new(self.0.spec.clone(), input, None)))
    }
}

impl DisplayAs for WorkExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "WorkExec")
    }
}

impl ExecutionPlan for WorkExec {
    fn name(&self) -> &str {
        "WorkExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) if children.is_empty() => Ok(Arc::new(Self::new(self.spec.clone(), input, self.worker))),
            _ => exec_err!("work has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(worker) = self.worker else { return exec_err!("this process does no parts of jobs") };
        let (input, spec) = (self.input.execute(partition, context)?, self.spec.clone());
        let done = input.then(move |batch| {
            let spec = spec.clone();
            async move {
                let batch = batch?;
                for part in batch.column(0).as_string::<i32>().iter().flatten() {
                    worker.work(spec.clone(), part.to_string()).await?;
                }
                Ok(batch)
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema(), done)))
    }
}
