//! What the libraries have to say, handed to the caller's log.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::status::{Failure, Result};

/// `weir_log_fn`: 1 info, 2 warning, 3 error; module; message.
pub type LogFn = unsafe extern "C" fn(i32, *const c_char, *const c_char);

struct ToCaller(LogFn);

static LOG: OnceLock<ToCaller> = OnceLock::new();

/// From now on, for the whole process, which can be told once.
pub fn send_to(function: LogFn) -> Result<()> {
    let log = LOG.get_or_init(|| ToCaller(function));
    log::set_logger(log).map_err(|_| Failure::invalid("log was given before"))?;
    log::set_max_level(LevelFilter::Info);
    Ok(())
}

impl Log for ToCaller {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Below a warning only Ballista's own words are of interest.
        metadata.level() <= Level::Warn || (metadata.level() == Level::Info && metadata.target().starts_with("ballista"))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            Level::Error => 3,
            Level::Warn => 2,
            _ => 1,
        };
        let c_string = |text: String| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let (target, message) = (c_string(record.target().to_string()), c_string(record.args().to_string()));
        unsafe { (self.0)(level, target.as_ptr(), message.as_ptr()) };
    }

    fn flush(&self) {}
}
