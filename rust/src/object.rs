//! Small objects of a lake: put, get, delete, list.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde_json::{Value, json};

use crate::runtime::Engine;
use crate::status::{Failure, Result};
use crate::store::{Location, parse_path};

pub fn put(engine: &Engine, lake: &Location, path: &str, data: Vec<u8>, create: bool) -> Result<()> {
    let path = parse_path(path)?;
    let mode = if create { PutMode::Create } else { PutMode::Overwrite };
    let store = lake.folder()?;
    engine.block_on(store.put_opts(&path, PutPayload::from(data), mode.into()))?;
    Ok(())
}

pub fn get(engine: &Engine, lake: &Location, path: &str) -> Result<Vec<u8>> {
    let path = parse_path(path)?;
    let store = lake.folder()?;
    let bytes = engine.block_on(async { store.get(&path).await?.bytes().await })?;
    Ok(bytes.to_vec())
}

/// Also when the object was not there: what was asked for is the case.
pub fn delete(engine: &Engine, lake: &Location, path: &str) -> Result<()> {
    let path = parse_path(path)?;
    let store = lake.folder()?;
    match engine.block_on(store.delete(&path)) {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        other => Ok(other?),
    }
}

pub fn list(engine: &Engine, lake: &Location, prefix: &str) -> Result<Value> {
    let prefix = match prefix.trim_matches('/') {
        "" => None,
        text => Some(
            Path::parse(text).map_err(|e| Failure::invalid(format!("object prefix '{prefix}': {e}")))?,
        ),
    };
    let store = lake.folder()?;
    let listed = engine.block_on(store.list(prefix.as_ref()).try_collect::<Vec<_>>());
    let mut found = match listed {
        Err(object_store::Error::NotFound { .. }) => Vec::new(),
        other => other?,
    };
    found.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(found.iter().map(|o| json!({"path": o.location.as_ref(), "size": o.size})).collect())
}
