//! What of ours crosses between the parts of a cluster inside their plans, as JSON: tables, whose schemas travel beside them, and
//! work.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result, TableReference, exec_err};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde::{Deserialize, Serialize};

use super::table::{ResolvedTable, Spec};
use super::work::{Parts, Work, WorkExec, WorkTable};

/// Raised by every change after which the other side would misread what it gets.
const FORMAT: u32 = 2;
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Before a physical node of ours. No protobuf message begins like this.
const OURS: &[u8] = b"weir:";

/// Read alone first: what stands beside it may be of any format.
#[derive(Serialize, Deserialize)]
struct Head {
    weir: String,
    format: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    Table(Spec),
    Work(Work),
    /// Of a physical node.
    Parts { spec: String },
}

#[derive(Serialize, Deserialize)]
struct Message {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    body: Body,
}

/// Ballista's own codec for everything else.
#[derive(Debug, Default)]
pub struct Codec {
    ballista: BallistaLogicalExtensionCodec,
}

fn encode(body: Body) -> Result<Vec<u8>> {
    let head = Head { weir: VERSION.to_string(), format: FORMAT };
    serde_json::to_vec(&Message { head, body }).map_err(|e| DataFusionError::External(Box::new(e)))
}

fn decode(bytes: &[u8]) -> Result<Body> {
    let unreadable = |e: serde_json::Error| DataFusionError::Execution(format!("a part of the plan is unreadable: {e}"));
    let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
    if head.format != FORMAT {
        return exec_err!(
            "the plan was written by weir {} in format {}, this is weir {VERSION} and reads format {FORMAT}; \
             run the same version everywhere",
            head.weir,
            head.format
        );
    }
    let body = serde_json::from_slice::<Message>(bytes).map_err(unreadable)?.body;
    // A query means the same to every version; how events become rows is code of ours.
    if !matches!(body, Body::Table(_)) && head.weir != VERSION {
        return exec_err!("the job was written by weir {}, this is weir {VERSION}; run the same version everywhere", head.weir);
    }
    Ok(body)
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
        match decode(buf)? {
            Body::Table(spec) => Ok(Arc::new(ResolvedTable::received(spec, schema))),
            Body::Work(work) => Ok(Arc::new(WorkTable(work))),
            Body::Parts { .. } => exec_err!("a table in the plan is none"),
        }
    }

    fn try_encode_table_provider(
        &self,
        table: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        let body = match (node.downcast_ref::<ResolvedTable>(), node.downcast_ref::<WorkTable>()) {
            (Some(resolved), _) => Body::Table(resolved.spec.clone()),
            (_, Some(table)) => Body::Work(table.0.clone()),
            _ => return exec_err!("table {table} is none of the lake's"),
        };
        buf.extend(encode(body)?);
        Ok(())
    }

    fn try_decode_file_format(&self, buf: &[u8], context: &TaskContext) -> Result<Arc<dyn FileFormatFactory>> {
        self.ballista.try_decode_file_format(buf, context)
    }

    fn try_encode_file_format(&self, buf: &mut Vec<u8>, node: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.ballista.try_encode_file_format(buf, node)
    }
}

/// The same for the plans of stages, which a scheduler sends to executors.
#[derive(Debug, Default)]
pub struct StageCodec {
    ballista: BallistaPhysicalExtensionCodec,
    /// None: this process does no parts of jobs.
    parts: Option<Arc<Parts>>,
}

impl StageCodec {
    pub fn of(parts: Option<Arc<Parts>>) -> Self {
        Self { parts, ..Default::default() }
    }
}

impl PhysicalExtensionCodec for StageCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(ours) = buf.strip_prefix(OURS) else {
            return self.ballista.try_decode(buf, inputs, context, converter);
        };
        match (decode(ours)?, inputs) {
            (Body::Parts { spec }, [input]) => Ok(Arc::new(WorkExec::new(spec, input.clone(), self.parts.clone()))),
            _ => exec_err!("a node in the plan is none"),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(work) = node.downcast_ref::<WorkExec>() else {
            return self.ballista.try_encode(node, buf, converter);
        };
        buf.extend_from_slice(OURS);
        buf.extend(encode(Body::Parts { spec: work.spec.clone() })?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_is_refused_with_both_versions() {
        let error = decode(br#"{"weir":"9.8.7","format":3,"tables":[]}"#).expect_err("format 3").to_string();
        assert!(error.contains("written by weir 9.8.7 in format 3"), "{error}");
        assert!(error.contains(&format!("weir {VERSION} and reads format {FORMAT}")), "{error}");
    }

    #[test]
    fn work_is_done_by_the_version_that_asked_for_it() {
        for work in [r#""work":{"spec":"{}","parts":["1"]}"#, r#""parts":{"spec":"{}"}"#] {
            let error = decode(format!(r#"{{"weir":"9.8.7","format":{FORMAT},{work}}}"#).as_bytes()).expect_err("9.8.7").to_string();
            assert!(error.contains("written by weir 9.8.7") && error.contains(&format!("this is weir {VERSION}")), "{error}");
        }
    }

    #[test]
    fn what_is_cut_off_or_foreign_is_an_error() {
        let table = br#"{"weir":"0.1.0","format":2,"table":{"url":"file:///t","version":3,"partition_columns":["day"],"files":[{"path":"day=1/a","size":7,"rows":null,"partition":["1"]}]}}"#;
        let work = br#"{"weir":"0.1.0","format":2,"work":{"spec":"{}","parts":["1","2"]}}"#;
        let parts = br#"{"weir":"0.1.0","format":2,"parts":{"spec":"{}"}}"#;
        for whole in [&table[..], work, parts] {
            assert_eq!(encode(decode(whole).expect("whole")).expect("again"), whole.to_vec());
            for length in 0..whole.len() {
                assert!(decode(&whole[..length]).is_err(), "{length} bytes");
            }
        }
        for bytes in [&b"\xff\xfe"[..], b"[]", b"{}", br#"{"weir":"0.1.0","format":2}"#, br#"{"weir":"0.1.0","format":"2"}"#] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
