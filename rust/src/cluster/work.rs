//! Jobs that are no queries: parts, each done by the program around this library on whichever executor it comes to.
//!
//! A part may be done twice, by two executors at once, and after its job was cancelled. So whoever does it makes nothing
//! visible, and what this job returns proves nothing: what counts is what the parts left in storage.

use std::ffi::{CString, c_char, c_void};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

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

/// A worker until it is told to go: nothing calls it after `end` has returned, though the threads that did outlive its role.
#[derive(Debug)]
pub struct Parts {
    worker: Worker,
    ending: AtomicBool,
    /// Read while a part is done.
    ended: RwLock<bool>,
}

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
    parts: Option<Arc<Parts>>,
    properties: Arc<PlanProperties>,
}

struct Task {
    parts: Arc<Parts>,
    unwanted: AtomicBool,
}

/// Tells the part that nobody waits for it any more.
struct StopOnDrop(Arc<Task>);

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("part", DataType::Utf8, false)]))
}

unsafe extern "C" fn stopped(task: *const c_void) -> bool {
    let stopped = |task: &Task| task.unwanted.load(Ordering::Relaxed) || task.parts.ending.load(Ordering::Relaxed);
    unsafe { task.cast::<Task>().as_ref() }.is_none_or(stopped)
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.unwanted.store(true, Ordering::Relaxed);
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

}

impl Parts {
    pub fn new(worker: Worker) -> Self {
        Self { worker, ending: AtomicBool::new(false), ended: RwLock::new(false) }
    }

    async fn work(self: Arc<Self>, spec: String, part: String) -> Result<()> {
        let task = Arc::new(Task { parts: self, unwanted: AtomicBool::new(false) });
        let _stop = StopOnDrop(task.clone());
        // It reads, writes and waits, for minutes.
        let done = tokio::task::spawn_blocking(move || {
            let ended = task.parts.ended.read().unwrap_or_else(PoisonError::into_inner);
            if *ended { exec_err!("this executor has ended") } else { task.parts.worker.call(&spec, &part, &task) }
        });
        done.await.map_err(|e| DataFusionError::External(Box::new(e)))?
    }

    /// Stops the parts that are being done, and returns when they are left. Blocks.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        *self.ended.write().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

impl WorkExec {
    pub fn new(spec: String, input: Arc<dyn ExecutionPlan>, parts: Option<Arc<Parts>>) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { spec, input, parts, properties: Arc::new(properties) }
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
            Some(input) if children.is_empty() => Ok(Arc::new(Self::new(self.spec.clone(), input, self.parts.clone()))),
            _ => exec_err!("work has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(parts) = self.parts.clone() else { return exec_err!("this process does no parts of jobs") };
        let (input, spec) = (self.input.execute(partition, context)?, self.spec.clone());
        let done = input.then(move |batch| {
            let (spec, parts) = (spec.clone(), parts.clone());
            async move {
                let batch = batch?;
                for part in batch.column(0).as_string::<i32>().iter().flatten() {
                    parts.clone().work(spec.clone(), part.to_string()).await?;
                }
                Ok(batch)
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema(), done)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A part that lasts until it is told to stop. The context counts: the parts begun, and those left.
    unsafe extern "C" fn until_stopped(
        context: *mut c_void,
        _: *const c_char,
        _: *const c_char,
        stopped: Stopped,
        task: *const c_void,
        _: *mut c_char,
        _: usize,
    ) -> i32 {
        let counts = unsafe { &*context.cast::<[AtomicUsize; 2]>() };
        counts[0].fetch_add(1, Ordering::SeqCst);
        while !unsafe { stopped(task) } {
            std::thread::yield_now();
        }
        counts[1].fetch_add(1, Ordering::SeqCst);
        1
    }

    #[test]
    fn nobody_calls_a_worker_that_has_ended() {
        let counts: &'static [AtomicUsize; 2] = Box::leak(Box::default());
        let context = std::ptr::from_ref(counts).cast_mut().cast::<c_void>();
        let parts = Arc::new(Parts::new(Worker { context, work: until_stopped }));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let running = (0..3).map(|_| runtime.spawn(parts.clone().work("{}".into(), "1".into()))).collect::<Vec<_>>();
        while counts[0].load(Ordering::SeqCst) < 3 {
            std::thread::yield_now();
        }
        parts.end();
        assert_eq!(counts[1].load(Ordering::SeqCst), 3, "it waits until they are left");
        for part in running {
            runtime.block_on(part).expect("no panic").expect_err("not done");
        }
        runtime.block_on(parts.work("{}".into(), "1".into())).expect_err("ended");
        assert_eq!(counts[0].load(Ordering::SeqCst), 3);
    }
}
