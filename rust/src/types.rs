//! Which Arrow types come in, which go into a Delta table, which come out of SQL.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};

use crate::status::{Failure, Result};

/// The decimal that holds every uint64.
const UINT64_DECIMAL: DataType = DataType::Decimal128(20, 0);

pub fn timestamp_utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The type of a column as the lake stores it. Err: the name of what Delta lacks.
pub fn delta_type(ty: &DataType) -> Result<DataType, String> {
    use DataType as T;
    Ok(match ty {
        T::UInt8 => T::Int16,
        T::UInt16 => T::Int32,
        T::UInt32 => T::Int64,
        T::UInt64 => UINT64_DECIMAL,
        T::Timestamp(_, None) => return Err("timestamp without time zone".to_string()),
        T::Timestamp(_, Some(_)) => timestamp_utc(),
        T::List(_) | T::LargeList(_) | T::ListView(_) | T::Struct(_) => nested(ty, &delta_type)?,
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Boolean | T::Float32 | T::Float64 => ty.clone(),
        other => plain_type(other)?,
    })
}

/// The type of a column as SQL hands it out: one way to spell each kind of value.
pub fn sql_type(ty: &DataType) -> Result<DataType, String> {
    use DataType as T;
    Ok(match ty {
        // SQL runs in UTC, so a timestamp without zone is one in UTC.
        T::Timestamp(_, _) => timestamp_utc(),
        T::List(_) | T::LargeList(_) | T::ListView(_) | T::FixedSizeList(_, _) | T::Struct(_) => {
            nested(ty, &sql_type)?
        }
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Boolean | T::Float32 | T::Float64 => ty.clone(),
        T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => ty.clone(),
        T::Dictionary(_, value) => sql_type(value)?,
        other => plain_type(other)?,
    })
}

fn plain_type(ty: &DataType) -> Result<DataType, String> {
    use DataType as T;
    Ok(match ty {
        T::Utf8 | T::LargeUtf8 | T::Utf8View => T::Utf8,
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => T::Binary,
        T::Date32 | T::Date64 => T::Date32,
        T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) if *s >= 0 => T::Decimal128(*p, *s),
        T::Float16 => T::Float32,
        other => return Err(other.to_string()),
    })
}

fn nested(ty: &DataType, map: &dyn Fn(&DataType) -> Result<DataType, String>) -> Result<DataType, String> {
    let field = |f: &FieldRef| -> Result<FieldRef, String> {
        Ok(Arc::new(f.as_ref().clone().with_data_type(map(f.data_type())?)))
    };
    match ty {
        DataType::List(f) | DataType::LargeList(f) | DataType::ListView(f) | DataType::FixedSizeList(f, _) => {
            // One name for the element, or equal lists would differ as types.
            Ok(DataType::List(Arc::new(field(f)?.as_ref().clone().with_name("element"))))
        }
        DataType::Struct(fields) => {
            Ok(DataType::Struct(fields.iter().map(field).collect::<Result<Fields, _>>()?))
        }
        other => Err(other.to_string()),
    }
}

/// The schema of a new table, from the schema of the rows it is made for.
pub fn delta_schema(schema: &Schema) -> Result<Schema> {
    let fields = schema.fields().iter().map(|f| {
        let ty = delta_type(f.data_type()).map_err(|what| {
            Failure::invalid(format!("column '{}': a Delta table cannot hold {what}", f.name()))
        })?;
        // Other metadata would bind the table to whoever happened to make the schema.
        let comment = f.metadata().get("comment").map(|c| ("comment".to_string(), c.clone()));
        Ok(Field::new(f.name(), ty, f.is_nullable()).with_metadata(comment.into_iter().collect()))
    });
    Ok(Schema::new(fields.collect::<Result<Vec<_>>>()?))
}
