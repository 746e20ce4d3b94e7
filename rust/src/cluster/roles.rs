//! The two roles of a cluster as processes of this program: a scheduler, and the executors that do the work.

use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::utils::default_session_builder;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::SessionStateDefaults;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::codec::{Codec, StageCodec};
use super::stores::LakeStores;
use super::work::{Parts, Worker};
use super::{MESSAGE_BYTES_MAX, query, session_config};
use crate::runtime::{Engine, own_functions};
use crate::status::{Code, Failure, Result, log_panics};

/// Results and shuffles of jobs that ended longer ago are deleted.
const JOB_DATA_KEPT_SECONDS: u64 = 24 * 3600;
const CLEAN_UP_SECONDS: u64 = 600;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_AGAIN: Duration = Duration::from_millis(500);
const SIGNAL_NOTICED: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchedulerOptions {
    host: String,
    port: u16,
    /// Where executors report what became of their tasks.
    advertised_host: String,
    /// A silent executor counts as lost after this.
    executor_timeout_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecutorOptions {
    scheduler_host: String,
    scheduler_port: u16,
    host: String,
    /// Of Arrow Flight, where others fetch results.
    port: u16,
    /// Where the scheduler sends tasks to.
    task_port: u16,
    advertised_host: Option<String>,
    work_dir: String,
    tasks: usize,
    memory_bytes: u64,
    heartbeat_seconds: u64,
}

/// Serves until SIGTERM or SIGINT. `worker` does the parts of jobs that come to an executor.
pub fn serve(engine: &Arc<Engine>, role: &str, options: &str, worker: Option<Worker>) -> Result<()> {
    // Peers come and go while this thread, too, writes to them.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    // Nobody else would say that a part of a role has stopped.
    log_panics();
    match role {
        "scheduler" => engine.block_on(scheduler(parsed(options)?)),
        "executor" => engine.block_on(executor(engine, parsed(options)?, worker)),
        other => Err(Failure::invalid(format!("role '{other}': scheduler or executor"))),
    }
}

fn parsed<'a, T: Deserialize<'a>>(options: &'a str) -> Result<T> {
    serde_json::from_str(options).map_err(|e| Failure::invalid(format!("options: {e}")))
}

async fn scheduler(options: SchedulerOptions) -> Result<()> {
    let address = address(&options.host, options.port);
    let listener = TcpListener::bind(&address).await;
    let listener = listener.map_err(|e| Failure::from(e).context(format!("the scheduler cannot listen on {address}")))?;
    let config = Arc::new(SchedulerConfig {
        external_host: bracketed(&options.advertised_host),
        bind_host: options.host,
        bind_port: listener.local_addr()?.port(),
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        executor_timeout_seconds: options.executor_timeout_seconds,
        expire_dead_executor_interval_seconds: 1,
        no_executors_grace_period_seconds: options.executor_timeout_seconds,
        grpc_server_max_decoding_message_size: MESSAGE_BYTES_MAX,
        grpc_server_max_encoding_message_size: MESSAGE_BYTES_MAX,
        grpc_client_max_message_size: MESSAGE_BYTES_MAX,
        override_config_producer: Some(Arc::new(session_config)),
        override_session_builder: Some(Arc::new(|config| {
            let mut state = default_session_builder(config)?;
            for function in own_functions() {
                datafusion::execution::FunctionRegistry::register_udf(&mut state, Arc::new(function))?;
            }
            Ok(state)
        })),
        override_logical_codec: Some(Arc::new(Codec::default())),
        override_physical_codec: Some(Arc::new(StageCodec::default())),
        ..Default::default()
    });
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(failure)?;
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, config).await.map_err(failure)?;
    log::info!("scheduler listens on {}", listener.local_addr()?);
    tokio::select! {
        served = start_grpc_service_with_listener(listener, scheduler) => served.map_err(failure),
        stopped = stop_signal() => stopped,
    }
}

async fn executor(engine: &Arc<Engine>, options: ExecutorOptions, worker: Option<Worker>) -> Result<()> {
    // What cannot work is said before the scheduler counts on this executor.
    let folder = WorkFolder::new(&options.work_dir)?;
    for port in [options.port, options.task_port] {
        let address = address(&options.host, port);
        let free = TcpListener::bind(&address).await;
        free.map_err(|e| Failure::from(e).context(format!("the executor cannot listen on {address}")))?;
    }
    let scheduler = format!("http://{}", address(&options.scheduler_host, options.scheduler_port));
    tokio::select! {
        answered = answers(&scheduler) => answered?,
        stopped = stop_signal() => return stopped,
    }
    let mut functions = BallistaFunctionRegistry::default();
    // Its own default lacks those of lists.
    for function in SessionStateDefaults::default_scalar_functions().into_iter().chain(own_functions().map(Arc::new)) {
        functions.scalar_functions.insert(function.name().to_string(), function);
    }
    let (engine, spill) = (Arc::downgrade(engine), folder.path.clone());
    let parts = worker.map(|worker| Arc::new(Parts::new(worker)));
    let config = ExecutorProcessConfig {
        bind_host: bracketed(&options.host),
        external_host: options.advertised_host,
        port: options.port,
        grpc_port: options.task_port,
        scheduler_host: bracketed(&options.scheduler_host),
        scheduler_port: options.scheduler_port,
        // It has just answered; what Ballista calls a timeout here is none.
        scheduler_connect_timeout_seconds: 0,
        vcores: options.tasks,
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(folder.path.clone()),
        job_data_ttl_seconds: JOB_DATA_KEPT_SECONDS,
        job_data_clean_up_interval_seconds: CLEAN_UP_SECONDS,
        grpc_max_decoding_message_size: MESSAGE_BYTES_MAX,
        grpc_max_encoding_message_size: MESSAGE_BYTES_MAX,
        executor_heartbeat_interval_seconds: options.heartbeat_seconds,
        memory_pool_size: Some(options.memory_bytes),
        override_function_registry: Some(Arc::new(functions)),
        override_config_producer: Some(Arc::new(session_config)),
        override_runtime_producer: Some(Arc::new(move |_| {
            RuntimeEnvBuilder::new()
                .with_temp_file_path(&spill)
                .with_object_store_registry(Arc::new(LakeStores { engine: engine.clone() }))
                .build_arc()
        })),
        override_logical_codec: Some(Arc::new(Codec::default())),
        override_physical_codec: Some(Arc::new(StageCodec::of(parts.clone()))),
        ..Default::default()
    };
    let asked_to_stop = tokio::spawn(stop_signal());
    let served = start_executor_process(Arc::new(config)).await;
    // What the scheduler has stopped leaves its tasks behind.
    if let Some(parts) = parts {
        let ended = tokio::task::spawn_blocking(move || parts.end()).await;
        ended.map_err(|e| Failure::new(Code::Internal, e.to_string()))?;
    }
    served.map_err(failure)?;
    if timeout(SIGNAL_NOTICED, asked_to_stop).await.is_ok() {
        return Ok(());
    }
    let why = "the executor was not asked to stop by a signal: the scheduler took it for lost, or the log says what failed";
    Err(Failure::new(Code::Unavailable, format!("{why}; start it again")))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_string() }
}

fn address(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

/// Waits for a scheduler that is about to start.
async fn answers(scheduler: &str) -> Result<()> {
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    loop {
        match query::connect(scheduler).await {
            Ok(_) => return Ok(()),
            Err(failure) if Instant::now() >= deadline => return Err(failure),
            Err(_) => tokio::time::sleep(CONNECT_AGAIN).await,
        }
    }
}

/// A folder of this process alone: Ballista deletes every folder beside its own files that it finds old, and all of them at the end.
struct WorkFolder {
    path: String,
}

impl WorkFolder {
    fn new(parent: &str) -> Result<Self> {
        let path = format!("{parent}/weir-executor-{}", Uuid::new_v4());
        std::fs::create_dir_all(&path).map_err(|e| Failure::from(e).context(format!("the work folder {path}")))?;
        Ok(Self { path })
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

async fn stop_signal() -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn failure(error: BallistaError) -> Failure {
    Failure::translate(&error, Code::Unavailable)
}
