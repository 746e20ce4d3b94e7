//! The pinned status codes, and the one place that translates foreign errors into them.

use std::cell::RefCell;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Once;

use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;
use deltalake::kernel::transaction::TransactionError;

/// Same numbers as `weir::StatusCode` in C++; they never change their meaning. The ones
/// left out (5 fenced, 12 shutting down) are not the engine's to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    InvalidArgument = 1,
    NotFound = 2,
    AlreadyExists = 3,
    Conflict = 4,
    Unavailable = 6,
    OutcomeUnknown = 7,
    Rejected = 8,
    DataLoss = 9,
    PermissionDenied = 10,
    ResourceExhausted = 11,
    ShuttingDown = 12,
    Internal = 13,
}

#[derive(Clone, Debug)]
pub struct Failure {
    pub code: Code,
    pub message: String,
}

pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }
    /// Puts what was being done in front of the message.
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }
    /// Translates `error`, whose causes are searched for the most specific code.
    pub fn translate(error: &(dyn StdError + 'static), fallback: Code) -> Self {
        Self::new(code_of(error).unwrap_or(fallback), message_of(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}
impl StdError for Failure {}

/// Marks a store error after which the object may nevertheless be there.
#[derive(Debug)]
pub struct MaybeWritten(pub Box<dyn StdError + Send + Sync>);

impl fmt::Display for MaybeWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the object may have been written: {}", self.0)
    }
}
impl StdError for MaybeWritten {}

/// How sure a link in a chain of causes is: a deeper link may still refine a hint.
enum Finding {
    Certain(Code),
    Hint(Code),
}

fn code_of(error: &(dyn StdError + 'static)) -> Option<Code> {
    let mut code = None;
    let mut link = Some(error);
    while let Some(e) = link {
        match inspect(e) {
            Some(Finding::Certain(c)) => return Some(c),
            Some(Finding::Hint(c)) => code = Some(c),
            None => {}
        }
        // io::Error hides what it wraps from source(): it reports the source's source.
        link = match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => e.source(),
        };
    }
    code
}

fn inspect(e: &(dyn StdError + 'static)) -> Option<Finding> {
    if let Some(f) = e.downcast_ref::<Failure>() {
        return Some(Finding::Certain(f.code));
    }
    if e.is::<MaybeWritten>() {
        return Some(Finding::Certain(Code::OutcomeUnknown));
    }
    if let Some(e) = e.downcast_ref::<object_store::Error>() {
        return Some(of_store(e));
    }
    if let Some(e) = e.downcast_ref::<io::Error>() {
        return Some(of_io(e));
    }
    if let Some(e) = e.downcast_ref::<DeltaTableError>() {
        return Some(of_delta(e));
    }
    if let Some(e) = e.downcast_ref::<TransactionError>() {
        return of_transaction(e);
    }
    e.downcast_ref::<DataFusionError>().and_then(of_datafusion)
}

fn of_store(e: &object_store::Error) -> Finding {
    use object_store::Error as E;
    match e {
        E::NotFound { .. } => Finding::Certain(Code::NotFound),
        E::AlreadyExists { .. } => Finding::Certain(Code::AlreadyExists),
        E::Precondition { .. } | E::NotModified { .. } => Finding::Certain(Code::Conflict),
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => Finding::Certain(Code::PermissionDenied),
        E::InvalidPath { .. } | E::NotSupported { .. } | E::NotImplemented { .. } => {
            Finding::Certain(Code::InvalidArgument)
        }
        E::UnknownConfigurationKey { .. } => Finding::Certain(Code::InvalidArgument),
        E::JoinError { .. } => Finding::Hint(Code::Internal),
        _ => Finding::Hint(Code::Unavailable),
    }
}

fn of_io(e: &io::Error) -> Finding {
    use io::ErrorKind as K;
    match e.kind() {
        K::StorageFull | K::QuotaExceeded | K::OutOfMemory => Finding::Certain(Code::ResourceExhausted),
        K::PermissionDenied | K::ReadOnlyFilesystem => Finding::Certain(Code::PermissionDenied),
        K::NotFound => Finding::Hint(Code::NotFound),
        _ => Finding::Hint(Code::Unavailable),
    }
}

fn of_delta(e: &DeltaTableError) -> Finding {
    use DeltaTableError as E;
    Finding::Hint(match e {
        E::NotATable(_) | E::InvalidVersion(_) => Code::NotFound,
        E::VersionAlreadyExists(_) => Code::Unavailable,
        E::SchemaMismatch { .. }
        | E::PartitionError { .. }
        | E::InvalidPartitionFilter { .. }
        | E::InvalidDateTimeString { .. }
        | E::InvalidTableLocation(_)
        | E::MissingFeature { .. }
        | E::MetadataError(_)
        | E::UnsupportedColumnMapping { .. } => Code::InvalidArgument,
        E::InvalidJsonLog { .. } | E::InvalidStatsJson { .. } | E::InvalidData { .. } => Code::DataLoss,
        E::ObjectStore { .. } | E::Io { .. } => Code::Unavailable,
        // The kernel's error type has no public path; its text is all there is.
        E::KernelError(_) | E::Generic(_) | E::GenericError { .. } => of_text(&e.to_string()),
        _ => Code::Internal,
    })
}

fn of_transaction(e: &TransactionError) -> Option<Finding> {
    use TransactionError as E;
    Some(Finding::Hint(match e {
        E::CommitConflict(_) => Code::Conflict,
        // Others were faster each time, but none of them stood in the way.
        E::VersionAlreadyExists(_) | E::MaxCommitAttempts(_) => Code::Unavailable,
        E::UnsupportedTableFeatures(_) | E::TableFeaturesRequired(_) | E::DeltaTableAppendOnly => {
            Code::InvalidArgument
        }
        E::ObjectStore { .. } | E::LogStoreError { .. } => Code::Unavailable,
        E::SerializeLogJson { .. } => return None,
    }))
}

fn of_datafusion(e: &DataFusionError) -> Option<Finding> {
    use DataFusionError as E;
    Some(Finding::Hint(match e {
        E::SQL(..) | E::Plan(_) | E::SchemaError(..) | E::NotImplemented(_) | E::Configuration(_) => {
            Code::InvalidArgument
        }
        E::ResourcesExhausted(_) => return Some(Finding::Certain(Code::ResourceExhausted)),
        E::ArrowError(..) | E::Execution(_) => Code::Rejected,
        E::Internal(_) => Code::Internal,
        _ => return None,
    }))
}

fn of_text(text: &str) -> Code {
    let has = |needle: &str| text.contains(needle);
    if has("No space left on device") || has("Disk quota exceeded") {
        Code::ResourceExhausted
    } else if has("No files in log segment") || has("File not found") {
        Code::NotFound
    } else if has("object store") || has("error sending request") || has("os error") {
        Code::Unavailable
    } else {
        Code::Internal
    }
}

/// The error's text followed by the causes that it does not already quote.
fn message_of(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut link = error.source();
    while let Some(e) = link {
        let cause = e.to_string();
        if !cause.is_empty() && !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        link = e.source();
    }
    text
}

/// A commit failed because the version it wanted was taken, however often it tried, or
/// because the table it was to create is there already.
pub fn lost_race(e: &DeltaTableError) -> bool {
    use DeltaTableError as E;
    match e {
        E::VersionAlreadyExists(_) | E::Transaction { source: TransactionError::MaxCommitAttempts(_) } => true,
        // delta-rs keeps the type of this error to itself.
        E::GenericError { source } => source.to_string().contains("table already exists at that location"),
        _ => false,
    }
}

macro_rules! translate_from {
    ($($foreign:ty => $fallback:expr;)*) => {$(
        impl From<$foreign> for Failure {
            fn from(e: $foreign) -> Self {
                Failure::translate(&e, $fallback)
            }
        }
    )*};
}

translate_from! {
    DeltaTableError => Code::Internal;
    DataFusionError => Code::Internal;
    arrow::error::ArrowError => Code::Internal;
    object_store::Error => Code::Unavailable;
    object_store::path::Error => Code::InvalidArgument;
    deltalake::parquet::errors::ParquetError => Code::Internal;
    io::Error => Code::Unavailable;
    serde_json::Error => Code::Internal;
    tokio::task::JoinError => Code::Internal;
}

thread_local! {
    static PANIC_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics are reported in statuses, and delta-rs catches some of its own: none of them is
/// for the terminal of the program that embeds us. Keeps where the last one happened.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string);
            PANIC_PLACE.with(|p| *p.borrow_mut() = place);
        }));
    });
}

/// The same, and says so in the log.
pub fn log_panics() {
    quiet_panics();
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        quiet(info);
        log::error!("{info}");
    }));
}

/// What a panic caught on this thread said, and where.
pub fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_string());
    match PANIC_PLACE.with(|p| p.borrow_mut().take()) {
        Some(place) => format!("internal panic: {text} ({place})"),
        None => format!("internal panic: {text}"),
    }
}
