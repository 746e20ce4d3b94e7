//! The stores that a plan's files lie in, as an executor reaches them: by its own environment, never by the plan.

use std::fmt;
use std::sync::{Arc, Weak};

use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use url::Url;

use crate::runtime::Engine;
use crate::store::Location;

pub struct LakeStores {
    /// Weak: the registry lives in tasks that run on the engine.
    pub engine: Weak<Engine>,
}

impl fmt::Debug for LakeStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LakeStores")
    }
}

impl ObjectStoreRegistry for LakeStores {
    fn register_store(&self, _url: &Url, _store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match url.scheme() {
            "file" => Ok(Arc::new(LocalFileSystem::new())),
            "s3" | "s3a" => {
                let Some(engine) = self.engine.upgrade() else { return exec_err!("the executor is ending") };
                let location = Location::open(&engine, url.as_str(), false);
                Ok(Arc::new(location.map_err(|e| DataFusionError::External(Box::new(e)))?.root))
            }
            other => exec_err!("the plan reads from '{other}', which is no store of a lake"),
        }
    }
}
