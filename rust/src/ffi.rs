//! The entries of `weir_engine.h`, but for those of objects. Each takes over what it consumes, checks its pointers,
//! and turns results, errors and panics into a status; the work is done elsewhere.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchOptions, StructArray};
use arrow::datatypes::{DataType, Schema};
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};

use crate::cluster::{self, StopFn, Work, Worker};
use crate::commit;
use crate::handle::{Buffer, Status, boxed, free, free_buffer, guard};
use crate::logging::{self, LogFn};
use crate::maintain;
use crate::options::{self, optional_text, required, slice, text};
use crate::plan::{self, Plan};
use crate::query;
use crate::runtime::Engine;
use crate::schema;
use crate::status::{Code, Failure, Result, panic_message};
use crate::store::Location;
use crate::table::{Snapshot, Table};
use crate::write::{self, Files};

const ABI_VERSION: u32 = 4;

#[repr(C)]
pub struct QueryTable {
    name: *const c_char,
    snapshot: *const Snapshot,
    files: *const *const c_char,
    file_count: usize,
}

/// An engine as C holds it: everything made from it holds it too.
pub struct EngineHandle(Arc<Engine>);

/// # Safety
/// `p` is NULL or a valid engine.
pub unsafe fn engine<'a>(p: *const EngineHandle) -> Result<&'a Arc<Engine>> {
    Ok(&unsafe { required(p, "engine") }?.0)
}

/// Takes a consumed schema over, so that it is released whatever follows.
///
/// # Safety
/// `p` is NULL or a valid ArrowSchema.
unsafe fn take_schema(p: *mut FFI_ArrowSchema) -> Option<FFI_ArrowSchema> {
    (!p.is_null()).then(|| unsafe { FFI_ArrowSchema::from_raw(p) })
}

fn import_schema(schema: Option<FFI_ArrowSchema>, what: &str) -> Result<Schema> {
    let schema = schema.ok_or_else(|| Failure::invalid(format!("{what} is NULL")))?;
    Schema::try_from(&schema).map_err(|e| Failure::invalid(format!("{what}: {e}")))
}

fn import_batch(plan: &Plan, array: FFI_ArrowArray) -> Result<RecordBatch> {
    let fields = plan.input.fields().clone();
    let data = unsafe { from_ffi_and_data_type(array, DataType::Struct(fields)) }?;
    let rows = StructArray::from(data);
    if rows.null_count() > 0 {
        return Err(Failure::invalid("the batch has null rows"));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let (_, columns, _) = rows.into_parts();
    Ok(RecordBatch::try_new_with_options(plan.input.clone(), columns, &options)?)
}

/// # Safety
/// Everything `table` points to is valid.
unsafe fn query_table<'a>(table: &QueryTable) -> Result<query::Table<'a>> {
    unsafe {
        let files = match table.files.is_null() {
            true => None,
            false => Some(slice(table.files, table.file_count, "files of a table")?),
        };
        let files = files.map(|paths| {
            paths.iter().map(|&path| Ok(text(path, "file of a table")?.to_string())).collect::<Result<Vec<_>>>()
        });
        Ok(query::Table {
            name: text(table.name, "name of a table")?.to_string(),
            snapshot: required(table.snapshot, "snapshot of a table")?,
            files: files.transpose()?,
        })
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn weir_abi_version() -> u32 {
    ABI_VERSION
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_buffer_free(buffer: *mut Buffer) {
    unsafe { free_buffer(buffer) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_engine_open(
    options: *const options::EngineOptions,
    status: *mut Status,
) -> *mut EngineHandle {
    unsafe {
        guard(status, std::ptr::null_mut(), || {
            let (threads, memory) = options::engine(options);
            Ok(boxed(EngineHandle(Engine::open(threads, memory)?)))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_engine_free(handle: *mut EngineHandle) {
    unsafe { free(handle) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_table_create(
    handle: *const EngineHandle,
    url: *const c_char,
    store: *const options::StoreOptions,
    schema: *mut FFI_ArrowSchema,
    options: *const options::CTableOptions,
    status: *mut Status,
) -> *mut Table {
    unsafe {
        let schema = take_schema(schema);
        guard(status, std::ptr::null_mut(), || {
            let schema = import_schema(schema, "schema")?;
            let engine = engine(handle)?;
            let location = Location::open(engine, text(url, "url")?, options::sync(store))?;
            Ok(boxed(Table::create(engine, location, &schema, options::table(options)?)?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_table_open(
    handle: *const EngineHandle,
    url: *const c_char,
    store: *const options::StoreOptions,
    status: *mut Status,
) -> *mut Table {
    unsafe {
        guard(status, std::ptr::null_mut(), || {
            let engine = engine(handle)?;
            let location = Location::open(engine, text(url, "url")?, options::sync(store))?;
            Ok(boxed(Table::open(engine, location)?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_table_free(table: *mut Table) {
    unsafe { free(table) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_table_snapshot(
    table: *const Table,
    version: i64,
    timestamp_ms: i64,
    status: *mut Status,
) -> *mut Snapshot {
    unsafe {
        guard(status, std::ptr::null_mut(), || {
            let table = required(table, "table")?;
            let snapshot = match (version, timestamp_ms) {
                (-1, -1) => table.snapshot(None),
                (-1, time) if time >= 0 => table.snapshot_at(time),
                (v, -1) if v >= 0 => table.snapshot(Some(v.unsigned_abs())),
                (v, time) => Err(Failure::invalid(format!("version {v} and timestamp_ms {time}: at most one of them"))),
            };
            Ok(boxed(snapshot?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_snapshot_free(snapshot: *mut Snapshot) {
    unsafe { free(snapshot) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_snapshot_version(snapshot: *const Snapshot) -> i64 {
    unsafe { snapshot.as_ref() }.map_or(-1, |snapshot| i64::try_from(snapshot.version()).unwrap_or(i64::MAX))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_snapshot_describe(
    snapshot: *const Snapshot,
    with_files: bool,
    status: *mut Status,
) -> Buffer {
    unsafe {
        guard(status, Buffer::EMPTY, || Ok(Buffer::json(&required(snapshot, "snapshot")?.describe(with_files)?)))
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_snapshot_txn(
    snapshot: *const Snapshot,
    app_id: *const c_char,
    version: *mut i64,
    status: *mut Status,
) -> bool {
    unsafe {
        guard(status, false, || {
            required(version, "version")?;
            let found = required(snapshot, "snapshot")?.txn(text(app_id, "app_id")?)?;
            if let Some(v) = found {
                *version = v;
            }
            Ok(found.is_some())
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_files_write(
    table: *const Table,
    rows: *mut FFI_ArrowArrayStream,
    options: *const options::CWriteOptions,
    status: *mut Status,
) -> *mut Files {
    unsafe {
        let rows = (!rows.is_null()).then(|| FFI_ArrowArrayStream::from_raw(rows));
        guard(status, std::ptr::null_mut(), || {
            let rows = rows.ok_or_else(|| Failure::invalid("rows is NULL"))?;
            let table = required(table, "table")?;
            let options = options::write(options)?;
            let rows = ArrowArrayStreamReader::try_new(rows)
                .map_err(|e| Failure::from(e).with_code(Code::InvalidArgument).context("rows"))?;
            Ok(boxed(write::write(table, rows, &options)?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_files_describe(files: *const Files, status: *mut Status) -> Buffer {
    unsafe { guard(status, Buffer::EMPTY, || Ok(Buffer::json(&required(files, "files")?.describe()?))) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_files_adopt(
    table: *const Table,
    descriptions: *const *const c_char,
    count: usize,
    status: *mut Status,
) -> *mut Files {
    unsafe {
        guard(status, std::ptr::null_mut(), || {
            let table = required(table, "table")?;
            let texts = slice(descriptions, count, "descriptions")?.iter().map(|&t| text(t, "description"));
            let texts = texts.collect::<Result<Vec<_>>>()?;
            Ok(boxed(Files::adopted(table, texts.into_iter())?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_files_free(files: *mut Files) {
    unsafe { free(files) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_commit(
    base: *const Snapshot,
    files: *const Files,
    options: *const options::CCommitOptions,
    status: *mut Status,
) -> *mut Snapshot {
    unsafe {
        guard(status, std::ptr::null_mut(), || {
            let base = required(base, "base")?;
            Ok(boxed(commit::commit(base, files.as_ref(), options::commit(options)?)?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_table_set_schema(
    table: *const Table,
    base: *const Snapshot,
    schema: *mut FFI_ArrowSchema,
    options: *const options::CCommitOptions,
    status: *mut Status,
) -> *mut Snapshot {
    unsafe {
        let schema = take_schema(schema);
        guard(status, std::ptr::null_mut(), || {
            let schema = import_schema(schema, "schema")?;
            let (table, base) = (required(table, "table")?, required(base, "base")?);
            Ok(boxed(schema::set_schema(table, base, &schema, options::commit(options)?)?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_table_maintain(
    table: *const Table,
    operation: *const c_char,
    options_json: *const c_char,
    status: *mut Status,
) -> Buffer {
    unsafe {
        guard(status, Buffer::EMPTY, || {
            let (operation, options) = (text(operation, "operation")?, optional_text(options_json, "options_json")?);
            Ok(Buffer::json(&maintain::maintain(required(table, "table")?, operation, options)?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_plan_compile(
    handle: *const EngineHandle,
    input: *mut FFI_ArrowSchema,
    sql: *const c_char,
    out_schema: *mut FFI_ArrowSchema,
    status: *mut Status,
) -> *mut Plan {
    unsafe {
        let input = take_schema(input);
        guard(status, std::ptr::null_mut(), || {
            let input = import_schema(input, "input")?;
            required(out_schema, "out_schema")?;
            let plan = plan::compile(engine(handle)?, input, text(sql, "sql")?)?;
            let output = FFI_ArrowSchema::try_from(plan.output.as_ref())?;
            std::ptr::write(out_schema, output);
            Ok(boxed(plan))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_plan_run(
    plan: *const Plan,
    batch: *mut FFI_ArrowArray,
    out: *mut FFI_ArrowArray,
    status: *mut Status,
) {
    unsafe {
        let batch = (!batch.is_null()).then(|| FFI_ArrowArray::from_raw(batch));
        guard(status, (), || {
            let batch = batch.ok_or_else(|| Failure::invalid("batch is NULL"))?;
            let plan = required(plan, "plan")?;
            required(out, "out")?;
            let batch = import_batch(plan, batch).map_err(|f| f.with_code(Code::InvalidArgument).context("batch"))?;
            // A function that panics on a value must not stop the rows around it.
            let result = catch_unwind(AssertUnwindSafe(|| plan.run(&batch)));
            let result = result.unwrap_or_else(|p| Err(Failure::new(Code::Rejected, panic_message(p.as_ref()))))?;
            let data = StructArray::from(result).into_data();
            std::ptr::write(out, FFI_ArrowArray::new(&data));
            Ok(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_plan_free(plan: *mut Plan) {
    unsafe { free(plan) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_query(
    handle: *const EngineHandle,
    tables: *const QueryTable,
    table_count: usize,
    sql: *const c_char,
    cluster: *const options::CCluster,
    out: *mut FFI_ArrowArrayStream,
    status: *mut Status,
) {
    unsafe {
        guard(status, (), || {
            required(out, "out")?;
            let cluster = options::cluster(cluster)?;
            let tables = slice(tables, table_count, "tables")?.iter().map(|t| query_table(t));
            let tables = tables.collect::<Result<Vec<_>>>()?;
            std::ptr::write(out, query::query(engine(handle)?, &tables, text(sql, "sql")?, cluster.as_ref())?);
            Ok(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_cluster_run(
    handle: *const EngineHandle,
    cluster: *const options::CCluster,
    spec: *const c_char,
    parts: *const *const c_char,
    part_count: usize,
    stopped: StopFn,
    context: *mut c_void,
    status: *mut Status,
) {
    unsafe {
        guard(status, (), || {
            let cluster = options::cluster(cluster)?.ok_or_else(|| Failure::invalid("cluster is NULL"))?;
            let parts = slice(parts, part_count, "parts")?.iter().map(|&p| Ok(text(p, "part")?.to_string()));
            let work = Work { spec: text(spec, "spec")?.to_string(), parts: parts.collect::<Result<_>>()? };
            cluster::run(engine(handle)?, &cluster, work, &|| stopped(context))
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_cluster_serve(
    handle: *const EngineHandle,
    role: *const c_char,
    options_json: *const c_char,
    worker: *const Worker,
    log: Option<LogFn>,
    status: *mut Status,
) {
    unsafe {
        guard(status, (), || {
            let (engine, role) = (engine(handle)?, text(role, "role")?);
            let options = text(options_json, "options_json")?;
            if let Some(log) = log {
                logging::send_to(log)?;
            }
            cluster::serve(engine, role, options, worker.as_ref().copied())
        });
    }
}
