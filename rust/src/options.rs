//! The C structs of `weir_engine.h`, and what Rust makes of them.

use std::ffi::{CStr, c_char};
use std::time::Duration;

use deltalake::kernel::Transaction;
use serde_json::{Map, Value};

use crate::cluster::Cluster;
use crate::commit::CommitOptions;
use crate::status::{Failure, Result};
use crate::table::CreateOptions;
use crate::write::WriteOptions;

#[repr(C)]
pub struct EngineOptions {
    worker_threads: u32,
    memory_limit_bytes: u64,
}

#[repr(C)]
pub struct StoreOptions {
    sync: bool,
}

#[repr(C)]
pub struct Txn {
    app_id: *const c_char,
    version: i64,
}

#[repr(C)]
pub struct Property {
    key: *const c_char,
    value: *const c_char,
}

#[repr(C)]
pub struct CTableOptions {
    partition_columns: *const *const c_char,
    partition_column_count: usize,
    properties: *const Property,
    property_count: usize,
    txns: *const Txn,
    txn_count: usize,
    description: *const c_char,
}

#[repr(C)]
pub struct CWriteOptions {
    target_file_bytes: u64,
    zstd_level: i32,
    name_prefix: *const c_char,
}

#[repr(C)]
pub struct CCommitOptions {
    txns: *const Txn,
    txn_count: usize,
    info_json: *const c_char,
}

#[repr(C)]
pub struct CCluster {
    scheduler_url: *const c_char,
    tasks: u32,
    timeout_seconds: u32,
}

/// # Safety
/// `p` is NULL or a NUL-terminated string that outlives `'a`.
pub unsafe fn text<'a>(p: *const c_char, what: &str) -> Result<&'a str> {
    unsafe { optional_text(p, what) }?.ok_or_else(|| Failure::invalid(format!("{what} is NULL")))
}

/// # Safety
/// As for [`text`].
pub unsafe fn optional_text<'a>(p: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if p.is_null() {
        return Ok(None);
    }
    let text = unsafe { CStr::from_ptr(p) }.to_str();
    text.map(Some).map_err(|_| Failure::invalid(format!("{what} is not UTF-8")))
}

/// # Safety
/// `p` is NULL or points to a `T` that outlives `'a`.
pub unsafe fn required<'a, T>(p: *const T, what: &str) -> Result<&'a T> {
    unsafe { p.as_ref() }.ok_or_else(|| Failure::invalid(format!("{what} is NULL")))
}

/// # Safety
/// `p` points to `count` values that outlive `'a`, or is NULL.
pub unsafe fn slice<'a, T>(p: *const T, count: usize, what: &str) -> Result<&'a [T]> {
    match (p.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::invalid(format!("{what} is NULL, but their count is {count}"))),
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(p, count) }),
    }
}

/// # Safety
/// `p` is NULL or valid.
pub unsafe fn engine(p: *const EngineOptions) -> (u32, u64) {
    unsafe { p.as_ref() }.map_or((0, 0), |o| (o.worker_threads, o.memory_limit_bytes))
}

/// # Safety
/// `p` is NULL or valid.
pub unsafe fn sync(p: *const StoreOptions) -> bool {
    unsafe { p.as_ref() }.is_none_or(|o| o.sync)
}

/// # Safety
/// As for [`slice`]; strings inside are valid.
unsafe fn txns(p: *const Txn, count: usize) -> Result<Vec<Transaction>> {
    let mut seen = std::collections::HashSet::new();
    let txns = unsafe { slice(p, count, "txns") }?.iter().map(|txn| {
        let app_id = unsafe { text(txn.app_id, "app_id of a txn") }?;
        if !seen.insert(app_id) {
            return Err(Failure::invalid(format!("two txns have the app id '{app_id}'")));
        }
        Ok(Transaction::new(app_id, txn.version))
    });
    txns.collect()
}

/// # Safety
/// `p` is NULL or valid, with everything it points to.
pub unsafe fn table(p: *const CTableOptions) -> Result<CreateOptions> {
    let Some(o) = (unsafe { p.as_ref() }) else {
        return Ok(CreateOptions {
            partition_columns: Vec::new(),
            properties: Vec::new(),
            txns: Vec::new(),
            description: None,
        });
    };
    let columns = unsafe { slice(o.partition_columns, o.partition_column_count, "partition_columns") }?;
    let columns = columns.iter().map(|&c| Ok(unsafe { text(c, "a partition column") }?.to_string()));
    let properties = unsafe { slice(o.properties, o.property_count, "properties") }?.iter().map(|p| {
        let key = unsafe { text(p.key, "key of a property") }?;
        Ok((key.to_string(), unsafe { text(p.value, "value of a property") }?.to_string()))
    });
    Ok(CreateOptions {
        partition_columns: columns.collect::<Result<_>>()?,
        properties: properties.collect::<Result<_>>()?,
        txns: unsafe { txns(o.txns, o.txn_count) }?,
        description: unsafe { optional_text(o.description, "description") }?.map(str::to_string),
    })
}

/// # Safety
/// `p` is NULL or valid, with everything it points to.
pub unsafe fn write(p: *const CWriteOptions) -> Result<WriteOptions> {
    let Some(o) = (unsafe { p.as_ref() }) else {
        return Ok(WriteOptions { target_file_bytes: 0, zstd_level: 0, name_prefix: None });
    };
    let prefix = unsafe { optional_text(o.name_prefix, "name_prefix") }?;
    Ok(WriteOptions {
        target_file_bytes: o.target_file_bytes,
        zstd_level: o.zstd_level,
        name_prefix: prefix.filter(|p| !p.is_empty()).map(str::to_string),
    })
}

/// # Safety
/// `p` is NULL or valid, with everything it points to.
pub unsafe fn commit(p: *const CCommitOptions) -> Result<CommitOptions> {
    let Some(o) = (unsafe { p.as_ref() }) else {
        return Ok(CommitOptions { txns: Vec::new(), info: Map::new() });
    };
    let info = match unsafe { optional_text(o.info_json, "info_json") }? {
        None => Map::new(),
        Some(json) => match serde_json::from_str(json) {
            Ok(Value::Object(map)) => map,
            Ok(_) => return Err(Failure::invalid("info_json is not an object")),
            Err(e) => return Err(Failure::invalid(format!("info_json: {e}"))),
        },
    };
    Ok(CommitOptions { txns: unsafe { txns(o.txns, o.txn_count) }?, info })
}

/// # Safety
/// `p` is NULL or valid, with everything it points to.
pub unsafe fn cluster(p: *const CCluster) -> Result<Option<Cluster>> {
    let Some(o) = (unsafe { p.as_ref() }) else { return Ok(None) };
    let scheduler = unsafe { text(o.scheduler_url, "scheduler_url") }?.to_string();
    let timeout = Duration::from_secs(o.timeout_seconds.into());
    match (o.tasks, o.timeout_seconds) {
        (0, _) | (_, 0) => Err(Failure::invalid("tasks and timeout_seconds are 1 at least")),
        (tasks, _) => Ok(Some(Cluster { scheduler, tasks: tasks as usize, timeout })),
    }
}
