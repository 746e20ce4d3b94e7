//! Apache Ballista: queries over the lake and the parts of jobs on a scheduler and its executors, and those two as roles of this
//! program.

mod codec;
mod query;
mod roles;
mod shapes;
mod stores;
mod table;
mod work;

use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use datafusion::prelude::SessionConfig;

use crate::runtime;

pub use query::{Cluster, StopFn, query, run};
pub use roles::serve;
pub use work::{Work, Worker};

/// Of one message between the parts of a cluster: a plan with the file list of its tables.
const MESSAGE_BYTES_MAX: u32 = 256 << 20;

/// The same for whoever plans and whoever executes: a plan means the same in every process, and in ours without a cluster.
fn session_config() -> SessionConfig {
    let config = SessionConfig::new_with_ballista()
        .with_ballista_logical_extension_codec(Arc::new(codec::Codec::default()))
        .with_information_schema(false)
        // Files of one version: nothing is to be listed, and the statistics are in the plan.
        .with_collect_statistics(false);
    runtime::with_own_options(config)
}
