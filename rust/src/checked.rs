//! Integer arithmetic that fails on overflow. DataFusion's own wraps around, at run time
//! and when it folds constants, and has no option against it.

use std::hash::Hash;

use arrow::array::{Array, ArrayRef, Datum};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema, Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;
use datafusion::scalar::ScalarValue;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Negate,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operation: Operation,
    /// The type DataFusion has planned the operation with; operands are coerced already.
    result: DataType,
    signature: Signature,
}

impl Checked {
    fn call(operation: Operation, result: DataType, args: Vec<Expr>) -> Expr {
        let signature = Signature::any(args.len(), Volatility::Immutable);
        let function = ScalarUDF::new_from_impl(Self { operation, result, signature });
        Expr::ScalarFunction(ScalarFunction::new_udf(function.into(), args))
    }
}

/// Replaces every integer `+`, `-` and `*` in `expr`. Requires: types are coerced.
pub fn check_arithmetic(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    expr.transform_up(|e| replace(e, schema)).map(|t| t.data)
}

fn replace(expr: Expr, schema: &dyn ExprSchema) -> Result<Transformed<Expr>> {
    let operation = match &expr {
        Expr::BinaryExpr(BinaryExpr { op: Operator::Plus, .. }) => Operation::Add,
        Expr::BinaryExpr(BinaryExpr { op: Operator::Minus, .. }) => Operation::Subtract,
        Expr::BinaryExpr(BinaryExpr { op: Operator::Multiply, .. }) => Operation::Multiply,
        Expr::Negative(_) => Operation::Negate,
        _ => return Ok(Transformed::no(expr)),
    };
    let result = expr.get_type(schema)?;
    if !result.is_integer() {
        // Floats saturate to infinity by their own rules; decimals are checked anyway.
        return Ok(Transformed::no(expr));
    }
    let args = match expr {
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => vec![*left, *right],
        Expr::Negative(inner) => vec![*inner],
        other => return Ok(Transformed::no(other)),
    };
    Ok(Transformed::yes(Checked::call(operation, result, args)))
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Add => "checked_add",
            Operation::Subtract => "checked_subtract",
            Operation::Multiply => "checked_multiply",
            Operation::Negate => "checked_negate",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|f| f.is_nullable());
        Ok(Field::new(self.name(), self.result.clone(), nullable).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match (self.operation, args.args.as_slice()) {
            (Operation::Add, [l, r]) => apply(l, r, numeric::add),
            (Operation::Subtract, [l, r]) => apply(l, r, numeric::sub),
            (Operation::Multiply, [l, r]) => apply(l, r, numeric::mul),
            (Operation::Negate, [value]) => negate(value),
            _ => internal_err!("{} got {} arguments", self.name(), args.args.len()),
        }
    }
}

fn negate(value: &ColumnarValue) -> Result<ColumnarValue> {
    let neg = |array: &dyn Array| -> Result<ArrayRef, ArrowError> { numeric::neg(array) };
    Ok(match value {
        ColumnarValue::Array(array) => ColumnarValue::Array(neg(array.as_ref())?),
        ColumnarValue::Scalar(scalar) => {
            let one = neg(scalar.to_scalar()?.get().0)?;
            ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?)
        }
    })
}
