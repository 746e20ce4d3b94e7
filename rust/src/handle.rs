//! What crosses the C boundary in every call: buffers, the status, handles, and the guard
//! that lets neither an error nor a panic through.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::status::{Failure, Result, panic_message};

#[repr(C)]
pub struct Buffer {
    data: *mut c_char,
    size: usize,
}

#[repr(C)]
pub struct Status {
    code: i32,
    message: Buffer,
}

impl Buffer {
    pub const EMPTY: Self = Self { data: std::ptr::null_mut(), size: 0 };

    pub fn new(mut bytes: Vec<u8>) -> Self {
        let size = bytes.len();
        bytes.push(0);
        Self { data: Box::into_raw(bytes.into_boxed_slice()).cast(), size }
    }
    pub fn json(value: &Value) -> Self {
        Self::new(value.to_string().into_bytes())
    }
}

/// Runs `body` and reports how it ended; `otherwise` is the result of a failure.
///
/// # Safety
/// `status` is NULL or valid.
pub unsafe fn guard<T>(status: *mut Status, otherwise: T, body: impl FnOnce() -> Result<T>) -> T {
    // Not even a consumed argument's destructor may unwind into C, so all of it is inside.
    let result = catch_unwind(AssertUnwindSafe(|| {
        if status.is_null() {
            return Err(Failure::invalid("status is NULL"));
        }
        body()
    }));
    let result = result.unwrap_or_else(|panic| Err(Failure::internal(panic_message(panic.as_ref()))));
    let (value, code, message) = match result {
        Ok(value) => (value, 0, Buffer::EMPTY),
        Err(f) => (otherwise, f.code as i32, Buffer::new(f.message.into_bytes())),
    };
    match unsafe { status.as_mut() } {
        Some(status) => *status = Status { code, message },
        None => unsafe { free_buffer(&mut { message }) },
    }
    value
}

pub fn boxed<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// # Safety
/// `handle` is NULL or came from [`boxed`] and is not used again.
pub unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // There is no status to report to; what a destructor has to say is lost.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(handle) })));
    }
}

/// # Safety
/// `buffer` is NULL or valid.
pub unsafe fn free_buffer(buffer: *mut Buffer) {
    let Some(buffer) = (unsafe { buffer.as_mut() }) else { return };
    let Buffer { data, size } = std::mem::replace(buffer, Buffer::EMPTY);
    if !data.is_null() {
        let bytes = std::ptr::slice_from_raw_parts_mut(data.cast::<u8>(), size + 1);
        drop(unsafe { Box::from_raw(bytes) });
    }
}
