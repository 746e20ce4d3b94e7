//! What of ours crosses to a scheduler inside a logical plan: tables, as JSON. Their schemas travel beside them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use ballista_core::serde::BallistaLogicalExtensionCodec;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result, TableReference, exec_err};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use serde::{Deserialize, Serialize};

use super::table::{ResolvedTable, Spec};

/// Raised by every change after which the other side would misread what it gets.
const FORMAT: u32 = 1;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Read alone first: what stands beside it may be of any format.
#[derive(Serialize, Deserialize)]
struct Head {
    weir: String,
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Message<Table> {
    #[serde(flatten)]
    head: Head,
    table: Table,
}

/// Ballista's own codec for everything else.
#[derive(Debug, Default)]
pub struct Codec {
    ballista: BallistaLogicalExtensionCodec,
}

fn encode(spec: &Spec) -> Result<Vec<u8>> {
    let head = Head { weir: VERSION.to_string(), format: FORMAT };
    serde_json::to_vec(&Message { head, table: spec }).map_err(|e| DataFusionError::External(Box::new(e)))
}

fn decode(bytes: &[u8]) -> Result<Spec> {
    let unreadable = |e: serde_json::Error| DataFusionError::Execution(format!("a table in the plan is unreadable: {e}"));
    let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
    if head.format != FORMAT {
        return exec_err!(
            "the driver is weir {} and writes plans in format {}, the scheduler is weir {VERSION} and reads format {FORMAT}; \
             run the same version everywhere",
            head.weir,
            head.format
        );
    }
    Ok(serde_json::from_slice::<Message<Spec>>(bytes).map_err(unreadable)?.table)
}

impl LogicalExtensionCodec for Codec {
    fn try_decode(&self, buf: &[u8], inputs: &[LogicalPlan], context: &TaskContext) -> Result<Extension> {
        self.ballista.try_decode(buf, inputs, context)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        self.ballista.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        _table: &TableReference,
        schema: SchemaRef,
        _context: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(ResolvedTable::received(decode(buf)?, schema)))
    }

    fn try_encode_table_provider(
        &self,
        table: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        match node.downcast_ref::<ResolvedTable>() {
            Some(resolved) => buf.extend(encode(&resolved.spec)?),
            None => return exec_err!("table {table} is none of the lake's"),
        }
        Ok(())
    }

    fn try_decode_file_format(&self, buf: &[u8], context: &TaskContext) -> Result<Arc<dyn FileFormatFactory>> {
        self.ballista.try_decode_file_format(buf, context)
    }

    fn try_encode_file_format(&self, buf: &mut Vec<u8>, node: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.ballista.try_encode_file_format(buf, node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_is_refused_with_both_versions() {
        let error = decode(br#"{"weir":"9.8.7","format":2,"tables":[]}"#).expect_err("format 2").to_string();
        assert!(error.contains("weir 9.8.7 and writes plans in format 2"), "{error}");
        assert!(error.contains(&format!("weir {VERSION} and reads format 1")), "{error}");
    }

    #[test]
    fn what_is_cut_off_or_foreign_is_an_error() {
        let whole = br#"{"weir":"0.1.0","format":1,"table":{"url":"file:///t","version":3,"partition_columns":["day"],"files":[{"path":"day=1/a","size":7,"rows":null,"partition":["1"]}]}}"#;
        assert_eq!(encode(&decode(whole).expect("whole")).expect("again"), whole.to_vec());
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "{length} bytes");
        }
        for bytes in [&b"\xff\xfe"[..], b"[]", b"{}", br#"{"weir":"0.1.0","format":1}"#, br#"{"weir":"0.1.0","format":"1"}"#] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
