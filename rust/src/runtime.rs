//! The engine: one multi-threaded tokio runtime, one memory limit, one client per bucket.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::row_hash::RowHash;
use crate::status::{Result, quiet_panics};

const DEFAULT_MEMORY_LIMIT_BYTES: u64 = 1 << 30;
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Engine {
    /// None only while the engine is being dropped.
    runtime: Option<Runtime>,
    handle: Handle,
    environment: Arc<RuntimeEnv>,
    threads: usize,
    buckets: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Engine {
    pub fn open(worker_threads: u32, memory_limit_bytes: u64) -> Result<Arc<Self>> {
        quiet_panics();
        let threads = match worker_threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => n as usize,
        };
        let limit = match memory_limit_bytes {
            0 => DEFAULT_MEMORY_LIMIT_BYTES,
            n => n,
        };
        let pool = FairSpillPool::new(usize::try_from(limit).unwrap_or(usize::MAX));
        let environment = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).build_arc()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("weir-engine")
            .on_thread_start(block_broken_pipes)
            .enable_all()
            .build()?;
        Ok(Arc::new(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            environment,
            threads,
            buckets: Mutex::default(),
        }))
    }

    /// Runs `future` on the calling thread. Requires: not a thread of the engine.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// A session under the engine's memory limit; time zone UTC.
    pub fn session(&self) -> SessionContext {
        with_own_functions(SessionContext::new_with_config_rt(session_config(self.threads), self.environment.clone()))
    }

    /// Memory limit and spill folder of this process.
    pub fn environment(&self) -> Arc<RuntimeEnv> {
        self.environment.clone()
    }

    /// The client of an S3 bucket, made once: it holds the connections.
    pub fn bucket(
        &self,
        name: &str,
        connect: impl FnOnce() -> Result<Arc<dyn ObjectStore>>,
    ) -> Result<Arc<dyn ObjectStore>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = buckets.get(name) {
            return Ok(store.clone());
        }
        let store = connect()?;
        buckets.insert(name.to_string(), store.clone());
        Ok(store)
    }
}

/// A program that is not Rust's may die of SIGPIPE when a server closes a connection. Blocked, it leaves an error of the write;
/// threads that ours start inherit that. The caller's own threads keep what the caller wants.
fn block_broken_pipes() {
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut signals);
        libc::sigaddset(&mut signals, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &signals, std::ptr::null_mut());
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The last handle may be dropped by a task of the runtime itself, where
            // waiting for the runtime would panic.
            if Handle::try_current().is_ok() {
                runtime.shutdown_background();
            } else {
                runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
            }
        }
    }
}

/// A session for expressions over one batch.
pub fn row_wise_session() -> SessionContext {
    with_own_functions(SessionContext::new_with_config(session_config(1)))
}

/// What SQL has here beside DataFusion's functions.
pub fn own_functions() -> [ScalarUDF; 1] {
    [ScalarUDF::new_from_impl(RowHash::default())]
}

pub fn with_own_functions(session: SessionContext) -> SessionContext {
    own_functions().into_iter().for_each(|function| session.register_udf(function));
    session
}

fn session_config(partitions: usize) -> SessionConfig {
    with_own_options(SessionConfig::new().with_target_partitions(partitions))
}

/// What SQL means here, wherever it runs.
pub fn with_own_options(mut config: SessionConfig) -> SessionConfig {
    let options = config.options_mut();
    options.execution.time_zone = Some("UTC".to_string());
    // Results leave through the C data interface; plain strings spare every consumer the
    // view types and us a copy.
    options.execution.parquet.schema_force_view_types = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    config
}
