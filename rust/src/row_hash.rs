//! `weir_row_hash(a, b, ...)`: one number for the values of a row, the same in every store.

use std::sync::Arc;

use arrow::array::UInt64Array;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::error::DataFusionError;
use twox_hash::XxHash64;

use crate::canonical::{self, Encoder};

const NAME: &str = "weir_row_hash";
const SEED: u64 = 0;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct RowHash {
    signature: Signature,
}

impl Default for RowHash {
    fn default() -> Self {
        Self { signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

fn no_encoding(ty: &DataType) -> DataFusionError {
    plan_datafusion_err!("{NAME}: a value of type {ty} has no canonical form; cast it to a type of Weir's")
}

impl ScalarUDFImpl for RowHash {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        arg_types.iter().try_for_each(canonical::check_type).map_err(no_encoding)?;
        Ok(DataType::UInt64)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        Ok(Field::new(NAME, self.return_type(&types)?, false).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let encoders = args.args.iter().map(value_encoder).collect::<Result<Vec<_>>>()?;
        let mut hashes = Vec::with_capacity(args.number_rows);
        let mut encoded = Vec::new();
        for row in 0..args.number_rows {
            encoded.clear();
            for append in &encoders {
                append(row, &mut encoded);
            }
            hashes.push(XxHash64::oneshot(SEED, &encoded));
        }
        Ok(ColumnarValue::Array(Arc::new(UInt64Array::from(hashes))))
    }
}

fn value_encoder(value: &ColumnarValue) -> Result<Encoder<'_>> {
    match value {
        ColumnarValue::Array(array) => canonical::encoder(array.as_ref()).map_err(no_encoding),
        ColumnarValue::Scalar(scalar) => {
            let array = scalar.to_array()?;
            let mut constant = Vec::new();
            canonical::encoder(array.as_ref()).map_err(no_encoding)?(0, &mut constant);
            Ok(Box::new(move |_, out| out.extend_from_slice(&constant)))
        }
    }
}
