//! Casts that lose nothing, or fail.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::status::{Failure, Result};

const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// What a cast can do to values.
#[derive(PartialEq)]
enum Loss {
    Never,
    /// Depends on the values: cast back and compare.
    Possible,
}

/// Casts `array` to `to`; an error if the types have nothing to do with each other or a
/// value would change.
pub fn cast_exactly(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let from = array.data_type();
    if from == to {
        return Ok(array.clone());
    }
    let loss = loss_between(from, to)
        .ok_or_else(|| ArrowError::CastError(format!("{from} cannot be stored as {to}")))?;
    let result = cast_with_options(array, to, &STRICT)?;
    if loss == Loss::Possible {
        let back = cast_with_options(&result, from, &STRICT)?;
        if back.to_data() != array.to_data() {
            return Err(ArrowError::CastError(format!("a value of type {from} does not fit into {to}")));
        }
    }
    Ok(result)
}

fn loss_between(from: &DataType, to: &DataType) -> Option<Loss> {
    use DataType as T;
    Some(match (from, to) {
        (f, t) if f == t => Loss::Never,
        (T::Null, _) => Loss::Never,
        // A strict cast between integers fails on overflow by itself.
        (f, t) if f.is_integer() && t.is_integer() => Loss::Never,
        (f, T::Decimal128(_, _)) if f.is_integer() => Loss::Never,
        (T::Float16, T::Float32 | T::Float64) | (T::Float32, T::Float64) => Loss::Never,
        (
            T::Decimal32(_, _) | T::Decimal64(_, _) | T::Decimal128(_, _) | T::Decimal256(_, _),
            T::Decimal128(_, _),
        ) => Loss::Possible,
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, T::Utf8) => Loss::Never,
        (T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_), T::Binary) => Loss::Never,
        (T::Date64, T::Date32) => Loss::Possible,
        (T::Timestamp(_, _), T::Timestamp(_, _)) => Loss::Possible,
        (T::Dictionary(_, value), t) => loss_between(value, t)?,
        (
            T::List(f) | T::LargeList(f) | T::ListView(f) | T::FixedSizeList(f, _),
            T::List(t),
        ) => return loss_between(f.data_type(), t.data_type()),
        (T::Struct(f), T::Struct(t)) if f.len() == t.len() => {
            let mut worst = Loss::Never;
            for (f, t) in f.iter().zip(t) {
                if f.name() != t.name() {
                    return None;
                }
                if loss_between(f.data_type(), t.data_type())? == Loss::Possible {
                    worst = Loss::Possible;
                }
            }
            worst
        }
        _ => return None,
    })
}

/// Arranges batches of one schema into the columns of another, matched by name.
pub struct Conform {
    target: SchemaRef,
    /// For each target column its place in the input.
    places: Vec<usize>,
}

impl Conform {
    /// Err: the two do not have the same columns.
    pub fn new(input: &Schema, target: SchemaRef) -> Result<Self> {
        let known: Vec<&str> = target.fields().iter().map(|f| f.name().as_str()).collect();
        let mut places = vec![None; known.len()];
        for (i, field) in input.fields().iter().enumerate() {
            let column = known.iter().position(|k| k == field.name()).ok_or_else(|| {
                Failure::invalid(format!(
                    "column '{}' is not in the table, which has {}",
                    field.name(),
                    known.join(", ")
                ))
            })?;
            if places[column].replace(i).is_some() {
                return Err(Failure::invalid(format!("column '{}' comes twice", field.name())));
            }
        }
        let missing: Vec<&str> =
            known.iter().zip(&places).filter(|(_, p)| p.is_none()).map(|(k, _)| *k).collect();
        if !missing.is_empty() {
            return Err(Failure::invalid(format!("the rows lack the table's {}", missing.join(", "))));
        }
        Ok(Self { places: places.into_iter().flatten().collect(), target })
    }

    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.target.fields().iter().zip(&self.places).map(|(field, &place)| {
            let column = batch.column(place);
            if !field.is_nullable() && column.null_count() > 0 {
                return Err(Failure::invalid(format!("column '{}' must not be null", field.name())));
            }
            cast_exactly(column, field.data_type())
                .map_err(|e| Failure::invalid(format!("column '{}': {e}", field.name())))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.target), columns, &options)
            .map_err(|e| Failure::invalid(e.to_string()))
    }
}
