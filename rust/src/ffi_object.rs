//! The entries of `weir_engine.h` for objects beside the tables.

use std::ffi::{c_char, c_void};

use crate::ffi::{EngineHandle, engine};
use crate::handle::{Buffer, Status, guard};
use crate::object;
use crate::options::{self, optional_text, slice, text};
use crate::status::Failure;
use crate::store::Location;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_object_put(
    handle: *const EngineHandle,
    lake_url: *const c_char,
    store: *const options::StoreOptions,
    path: *const c_char,
    data: *const c_void,
    size: usize,
    mode: i32,
    status: *mut Status,
) {
    unsafe {
        guard(status, (), || {
            let engine = engine(handle)?;
            let lake = Location::open(engine, text(lake_url, "lake_url")?, options::sync(store))?;
            let create = match mode {
                0 => true,
                1 => false,
                other => return Err(Failure::invalid(format!("put mode {other}"))),
            };
            let data = slice(data.cast::<u8>(), size, "data")?.to_vec();
            object::put(engine, &lake, text(path, "path")?, data, create)
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_object_get(
    handle: *const EngineHandle,
    lake_url: *const c_char,
    path: *const c_char,
    status: *mut Status,
) -> Buffer {
    unsafe {
        guard(status, Buffer::EMPTY, || {
            let engine = engine(handle)?;
            let lake = Location::open(engine, text(lake_url, "lake_url")?, false)?;
            Ok(Buffer::new(object::get(engine, &lake, text(path, "path")?)?))
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_object_delete(
    handle: *const EngineHandle,
    lake_url: *const c_char,
    store: *const options::StoreOptions,
    path: *const c_char,
    status: *mut Status,
) {
    unsafe {
        guard(status, (), || {
            let engine = engine(handle)?;
            let lake = Location::open(engine, text(lake_url, "lake_url")?, options::sync(store))?;
            object::delete(engine, &lake, text(path, "path")?)
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_object_list(
    handle: *const EngineHandle,
    lake_url: *const c_char,
    prefix: *const c_char,
    status: *mut Status,
) -> Buffer {
    unsafe {
        guard(status, Buffer::EMPTY, || {
            let engine = engine(handle)?;
            let lake = Location::open(engine, text(lake_url, "lake_url")?, false)?;
            let prefix = optional_text(prefix, "prefix")?.unwrap_or_default();
            Ok(Buffer::json(&object::list(engine, &lake, prefix)?))
        })
    }
}
