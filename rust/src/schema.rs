//! Changes of a table's schema that leave the files that are there readable.

use arrow::datatypes::Schema;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{Action, MetadataExt, StructField, StructType};
use deltalake::protocol::DeltaOperation;

use crate::commit::{self, CommitOptions};
use crate::status::{Code, Failure, Result};
use crate::table::{Snapshot, Table};
use crate::types;

pub fn set_schema(table: &Table, base: &Snapshot, schema: &Schema, options: CommitOptions) -> Result<Snapshot> {
    commit::require_same_table(&table.location.url, base, "the table")?;
    let wanted: StructType =
        (&types::delta_schema(schema)?).try_into_kernel().map_err(|e| Failure::translate(&e, Code::InvalidArgument))?;
    let change = plan(&base.layout.columns(), &wanted)?;
    let snapshot = table.engine.block_on(land(table, base, change, options))?;
    table.adopt(&snapshot);
    Ok(snapshot)
}

async fn land(table: &Table, base: &Snapshot, change: Option<Change>, options: CommitOptions) -> Result<Snapshot> {
    let Some(change) = change else {
        return match options.txns.is_empty() {
            true => table.load(None).await,
            false => commit::land(base, Vec::new(), commit::append_operation(&base.layout), options).await,
        };
    };
    let metadata = MetadataExt::with_schema(base.layout.metadata().clone(), &change.schema)
        .map_err(|e| Failure::translate(&e, Code::Internal))?;
    let landed = commit::land(base, vec![Action::Metadata(metadata)], change.operation, options).await?;
    // Of the layout that it made.
    let version = landed.version();
    table.load(Some(version)).await.map_err(|failure| {
        failure
            .context(format!("committed as version {version}, which cannot be read back"))
            .with_code(Code::OutcomeUnknown)
    })
}

struct Change {
    schema: StructType,
    operation: DeltaOperation,
}

/// None: `wanted` is what the table has.
fn plan(current: &StructType, wanted: &StructType) -> Result<Option<Change>> {
    if let Some(gone) = current.fields().find(|field| wanted.field(field.name()).is_none()) {
        return Err(Failure::invalid(format!(
            "column '{}' ({}) is not in the new schema (no type): columns of a table stay",
            gone.name(),
            described(gone)
        )));
    }
    let fields = wanted.fields().map(|field| match current.field(field.name()) {
        Some(old) => kept(old, field),
        None => added(current, field),
    });
    let schema = StructType::try_new(fields.collect::<Result<Vec<_>>>()?)
        .map_err(|e| Failure::translate(&e, Code::InvalidArgument))?;
    if schema.fields().eq(current.fields()) {
        return Ok(None);
    }
    let new: Vec<StructField> = schema.fields().filter(|f| current.field(f.name()).is_none()).cloned().collect();
    let loosened = schema.fields().find(|f| current.field(f.name()).is_some_and(|old| old.nullable != f.nullable));
    let operation = match loosened {
        Some(column) if new.is_empty() => DeltaOperation::DropColumnNotNull { column: column.clone() },
        _ => DeltaOperation::AddColumn { fields: new },
    };
    Ok(Some(Change { schema, operation }))
}

/// The old column, with what others have noted about it, and with NULL allowed if it is now.
fn kept(old: &StructField, new: &StructField) -> Result<StructField> {
    let refuse = |why: &str| {
        let (from, to) = (described(old), described(new));
        Err(Failure::invalid(format!("column '{}': from {from} to {to}: {why}", new.name())))
    };
    if old.data_type() != new.data_type() {
        return refuse("the type of a column stays");
    }
    if old.is_nullable() && !new.is_nullable() {
        return refuse("rows that are there may hold NULL");
    }
    let mut field = old.clone();
    field.nullable = new.nullable;
    Ok(field)
}

fn added(current: &StructType, new: &StructField) -> Result<StructField> {
    let refuse = |old: &str, why: &str| {
        Err(Failure::invalid(format!("column '{}': from {old} to {}: {why}", new.name(), described(new))))
    };
    if let Some(old) = current.fields().find(|old| old.name().eq_ignore_ascii_case(new.name())) {
        let there = format!("'{}' {}", old.name(), described(old));
        return refuse(&there, "names that differ in case only are one in Delta");
    }
    if !new.is_nullable() {
        return refuse("no column", "rows that are there have no value for it, so it must be nullable");
    }
    Ok(new.clone())
}

/// Nested types in full, as they may differ in what is nullable inside.
fn described(field: &StructField) -> String {
    let ty = match serde_json::to_value(field.data_type()) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(nested) => nested.to_string(),
        Err(_) => field.data_type().to_string(),
    };
    if field.is_nullable() { ty } else { format!("{ty} NOT NULL") }
}
