//! SQL over snapshots, and jobs of parts, run by the executors of a cluster.

use std::ffi::c_void;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use ballista_core::JobId;
use ballista_core::config::BALLISTA_CLIENT_PULL;
use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use ballista_core::serde::protobuf::CancelJobParams;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use datafusion_proto::protobuf::LogicalPlanNode;
use futures::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::transport::Channel;

use super::table::ResolvedTable;
use super::work::{Work, WorkTable};
use super::{session_config, shapes};
use crate::query::{self, Table};
use crate::runtime::{Engine, with_own_functions};
use crate::status::{Code, Failure, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
const STOP_NOTICED: Duration = Duration::from_millis(100);

/// True once the caller no longer wants what it asked for.
pub type StopFn = unsafe extern "C" fn(context: *mut c_void) -> bool;

/// Where a query runs.
pub struct Cluster {
    /// http://host:port
    pub scheduler: String,
    /// How many tasks a stage is cut into at most.
    pub tasks: usize,
    /// From the submission to the last row; a job that takes longer is cancelled.
    pub timeout: Duration,
}

/// The rows of `sql`. A plan that reads no table runs here.
pub async fn query(
    engine: &Arc<Engine>,
    cluster: &Cluster,
    tables: &[Table<'_>],
    sql: &str,
) -> Result<SendableRecordBatchStream> {
    let session = session(engine, cluster)?;
    for table in tables {
        if table.files.is_some() {
            return Err(Failure::invalid(format!("table '{}': a cluster reads whole tables only", table.name)));
        }
        let resolved = Arc::new(ResolvedTable::of(table.snapshot).await?);
        session.register_table(TableReference::bare(table.name.as_str()), resolved)?;
    }
    let plan = query::read_only(&session, sql).await?.into_unoptimized_plan();
    let state = session.state();
    let plan = state.optimize(&plan).map_err(query::fault_of_sql)?;
    if !shapes::reads_a_table(&plan)? {
        return query::in_process(engine, tables, sql).await;
    }
    shapes::check(&plan)?;
    submit(&session, cluster, shapes::pruned(plan, &state)?).await
}

/// Has every part of `work` done. What that is worth only storage can tell. Polls `stopped` on the calling thread.
pub fn run(engine: &Arc<Engine>, cluster: &Cluster, work: Work, stopped: &dyn Fn() -> bool) -> Result<()> {
    let (mut rows, outcome) = engine.block_on(async {
        let session = session(engine, cluster)?;
        let parts = provider_as_source(Arc::new(WorkTable(work)));
        let plan = LogicalPlanBuilder::scan("parts", parts, None)?.build()?;
        let mut rows = submit(&session, cluster, plan).await?;
        let outcome = loop {
            match timeout(STOP_NOTICED, rows.next()).await {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(e))) => break Err(Failure::from(e)),
                Ok(None) => break Ok(()),
                Err(_) if stopped() => break Err(Failure::new(Code::ShuttingDown, "the job was given up")),
                Err(_) => {}
            }
        };
        Ok::<_, Failure>((Some(rows), outcome))
    })?;
    // Here, and not on the engine's threads, it is cancelled before the caller goes on and perhaps ends.
    rows.take();
    outcome
}

fn session(engine: &Engine, cluster: &Cluster) -> Result<SessionContext> {
    let config = session_config()
        .with_target_partitions(cluster.tasks)
        // The job's id is known as soon as it is accepted, so that it can be cancelled.
        .set_bool(BALLISTA_CLIENT_PULL, true)
        .with_ballista_grpc_client_max_message_size(super::MESSAGE_BYTES_MAX as usize);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(engine.environment())
        .with_default_features()
        .build()
        .upgrade_for_ballista(cluster.scheduler.clone())?;
    Ok(with_own_functions(SessionContext::new_with_state(state)))
}

async fn submit(session: &SessionContext, cluster: &Cluster, plan: LogicalPlan) -> Result<SendableRecordBatchStream> {
    let scheduler = connect(&cluster.scheduler).await?;
    let config = session.copied_config();
    let plan = Arc::new(DistributedQueryExec::<LogicalPlanNode>::with_extension(
        cluster.scheduler.clone(),
        config.ballista_config(),
        plan,
        config.ballista_logical_extension_codec(),
        session.session_id(),
    ));
    let schema = plan.schema();
    let rows = plan.execute(0, session.task_ctx())?;
    let job = Job { plan, scheduler, timeout: cluster.timeout, handle: Handle::current(), rows_came: false, ended: false };
    Ok(within_deadline(schema, rows, job))
}

pub async fn connect(url: &str) -> Result<SchedulerGrpcClient<Channel>> {
    let unavailable = |what: String| {
        let advice = "start one with `weir scheduler`, or correct engine.scheduler";
        Failure::new(Code::Unavailable, format!("no Ballista scheduler answers at {url}: {what}; {advice}"))
    };
    match timeout(CONNECT_TIMEOUT, SchedulerGrpcClient::connect(url.to_string())).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(e)) => Err(unavailable(Failure::translate(&e, Code::Unavailable).message)),
        Err(_) => Err(unavailable(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()))),
    }
}

/// `rows`, and an error in their place once the job has taken too long.
fn within_deadline(schema: SchemaRef, rows: SendableRecordBatchStream, job: Job) -> SendableRecordBatchStream {
    let deadline = Instant::now() + job.timeout;
    let rows = stream::unfold(Some((rows, job)), move |state| async move {
        let (mut rows, mut job) = state?;
        match timeout_at(deadline, rows.next()).await {
            Ok(Some(Ok(batch))) => {
                job.rows_came = true;
                Some((Ok(batch), Some((rows, job))))
            }
            Ok(Some(Err(e))) => {
                job.cancel().await;
                let failure = Failure::translate(&e, Code::Unavailable).with_code(Code::Unavailable);
                Some((Err(DataFusionError::External(Box::new(failure.context("on the cluster")))), None))
            }
            Ok(None) => {
                job.ended = true;
                None
            }
            Err(_) => {
                drop(rows);
                Some((Err(DataFusionError::External(Box::new(job.overdue().await))), None))
            }
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

/// A query on the cluster. It is cancelled when its rows are no longer wanted: a scheduler finishes what nobody reads.
struct Job {
    plan: Arc<DistributedQueryExec<LogicalPlanNode>>,
    scheduler: SchedulerGrpcClient<Channel>,
    timeout: Duration,
    handle: Handle,
    /// The scheduler has the whole result before the first row.
    rows_came: bool,
    ended: bool,
}

impl Job {
    async fn overdue(&mut self) -> Failure {
        let seconds = self.timeout.as_secs();
        if self.rows_came {
            return Failure::new(Code::Unavailable, format!("the rows were not taken within {seconds} s; ask for more time"));
        }
        let job = self.plan.job_id();
        let cancelled = self.cancel().await;
        let job = job.map_or_else(|| "the job".to_string(), |id| format!("job {id}"));
        Failure::new(
            Code::Unavailable,
            format!("{job} did not end within {seconds} s and was {cancelled}; is every executor alive, and is that time enough?"),
        )
    }

    /// Says what became of it.
    async fn cancel(&mut self) -> &'static str {
        if std::mem::replace(&mut self.ended, true) {
            return "over";
        }
        let Some(id) = self.plan.job_id() else { return "given up before it was accepted" };
        match timeout(CANCEL_TIMEOUT, cancel(self.scheduler.clone(), id)).await {
            Ok(true) => "cancelled",
            _ => "given up, for the scheduler did not cancel it",
        }
    }
}

fn cancel(mut scheduler: SchedulerGrpcClient<Channel>, id: JobId) -> impl Future<Output = bool> + Send {
    async move { scheduler.cancel_job(CancelJobParams { job_id: id.into() }).await.is_ok_and(|r| r.into_inner().cancelled) }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let Some(id) = self.plan.job_id() else { return };
        let cancel = cancel(self.scheduler.clone(), id);
        // A timeout is made on a runtime only, which the caller's thread is not.
        let cancelled = async move { timeout(CANCEL_TIMEOUT, cancel).await };
        if Handle::try_current().is_ok() {
            self.handle.spawn(cancelled);
        } else {
            // The process may end with the caller.
            let _ = self.handle.block_on(cancelled);
        }
    }
}
