//! Streams that leave through the C stream interface.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use arrow::record_batch::RecordBatchReader;

use crate::status::{Failure, panic_message};

/// A reader whose `next` cannot unwind into C, and which is over after an error.
struct Guarded<R> {
    reader: Option<R>,
    schema: SchemaRef,
}

impl<R: Iterator<Item = Result<RecordBatch, Failure>>> Iterator for Guarded<R> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let item = match catch_unwind(AssertUnwindSafe(|| reader.next())) {
            Ok(item) => item?,
            Err(panic) => Err(Failure::internal(panic_message(panic.as_ref()))),
        };
        if item.is_err() {
            self.end();
        }
        Some(item.map_err(|failure| ArrowError::ExternalError(Box::new(failure))))
    }
}

impl<R> Guarded<R> {
    /// Not even the reader's destructor may unwind into C.
    fn end(&mut self) {
        let reader = self.reader.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(reader)));
    }
}

impl<R> Drop for Guarded<R> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<R: Iterator<Item = Result<RecordBatch, Failure>>> RecordBatchReader for Guarded<R> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

pub fn stream(
    schema: SchemaRef,
    reader: impl Iterator<Item = Result<RecordBatch, Failure>> + Send + 'static,
) -> FFI_ArrowArrayStream {
    FFI_ArrowArrayStream::new(Box::new(Guarded { reader: Some(reader), schema }))
}
