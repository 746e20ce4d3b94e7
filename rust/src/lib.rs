//! DataFusion and delta-rs behind the C ABI of `include/weir_engine.h`.

mod canonical;
mod cast;
mod checked;
mod commit;
mod export;
mod ffi;
mod handle;
mod log;
mod maintain;
mod naming;
mod object;
mod options;
mod plan;
mod query;
mod row_hash;
mod rowwise;
mod runtime;
mod status;
mod store;
mod sync;
mod table;
mod txns;
mod types;
mod write;
