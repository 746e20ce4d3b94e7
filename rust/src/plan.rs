//! Row-wise SQL, compiled once and run per batch as bare expressions: no plan to rebuild,
//! no operator state, no metrics that grow.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};

use crate::cast::cast_exactly;
use crate::checked::check_arithmetic;
use crate::rowwise;
use crate::runtime::{Engine, row_wise_session};
use crate::status::{Code, Failure, Result};
use crate::types::sql_type;

pub struct Plan {
    pub input: SchemaRef,
    pub output: SchemaRef,
    filter: Option<Arc<dyn PhysicalExpr>>,
    /// The input columns that the outputs read; the others are not carried past the filter.
    kept: Vec<usize>,
    /// Over the kept columns, one for each output column.
    outputs: Vec<Arc<dyn PhysicalExpr>>,
}

pub fn compile(engine: &Engine, input: Schema, sql: &str) -> Result<Plan> {
    let input = Arc::new(input);
    let system: Vec<FieldRef> = input.fields().iter().filter(|f| is_system(f.name())).cloned().collect();
    let user = input.fields().len() - system.len();
    if input.fields()[..user].iter().any(|f| is_system(f.name())) {
        return Err(Failure::invalid("input schema: system columns (_...) come after the user's columns"));
    }
    let (state, logical) = engine.block_on(analyse(&input, sql, &system))?;
    let Shape { filter, projection, names, schema } = take_apart(logical)?;
    check_names(&names)?;

    let compiler = Compiler { state: &state, schema };
    let filter = filter.map(|e| compiler.compile(e)).transpose()?;
    let mut outputs = projection.into_iter().map(|e| compiler.compile(e)).collect::<Result<Vec<_>>>()?;
    let mut fields = Vec::new();
    for (name, expr) in names.iter().zip(&outputs) {
        fields.push(output_field(name, expr.as_ref(), &input)?);
    }
    for (i, field) in system.iter().enumerate() {
        outputs.push(Arc::new(datafusion::physical_expr::expressions::Column::new(field.name(), user + i)));
        fields.push(field.as_ref().clone());
    }
    let kept = kept_columns(&outputs);
    let narrow = input.project(&kept)?;
    let outputs = outputs.into_iter().map(|e| Ok(reassign_expr_columns(e, &narrow)?)).collect::<Result<_>>()?;
    Ok(Plan { input, output: Arc::new(Schema::new(fields)), filter, kept, outputs })
}

fn is_system(name: &str) -> bool {
    name.starts_with('_')
}

async fn analyse(input: &SchemaRef, sql: &str, system: &[FieldRef]) -> Result<(SessionState, LogicalPlan)> {
    let session = row_wise_session();
    session.register_table(rowwise::INPUT, Arc::new(MemTable::try_new(input.clone(), vec![vec![]])?))?;
    let state = session.state();
    let system: Vec<String> = system.iter().map(|f| f.name().clone()).collect();
    let statement = rowwise::parse(sql, &state, &system)?;
    let planned = async {
        let plan = state.statement_to_plan(statement).await?;
        state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})
    };
    // Whatever it was, it was in the SQL.
    let plan = planned.await.map_err(|e| Failure::from(e).with_code(Code::InvalidArgument).context("SQL"))?;
    Ok((state, plan))
}

/// A SELECT as its parts.
struct Shape {
    filter: Option<Expr>,
    projection: Vec<Expr>,
    names: Vec<String>,
    schema: DFSchemaRef,
}

/// The syntax was checked; this makes sure that the planner saw in it what we saw.
fn take_apart(plan: LogicalPlan) -> Result<Shape> {
    let LogicalPlan::Projection(projection) = plan else { return Err(not_row_wise(&plan)) };
    let names = projection.schema.fields().iter().map(|f| f.name().clone()).collect();
    let (filter, source) = match projection.input.as_ref() {
        LogicalPlan::Filter(filter) => (Some(filter.predicate.clone()), filter.input.clone()),
        _ => (None, projection.input.clone()),
    };
    let schema = source.schema().clone();
    let scan = match source.as_ref() {
        LogicalPlan::SubqueryAlias(alias) => alias.input.as_ref(),
        other => other,
    };
    if !matches!(scan, LogicalPlan::TableScan(_)) {
        return Err(not_row_wise(scan));
    }
    for expr in projection.expr.iter().chain(&filter) {
        check_expression(expr)?;
    }
    Ok(Shape { filter, projection: projection.expr, names, schema })
}

fn not_row_wise(plan: &LogicalPlan) -> Failure {
    Failure::invalid(format!("SQL: {} is not possible row by row", plan.display()))
}

fn check_expression(expr: &Expr) -> Result<()> {
    let mut found = None;
    expr.apply(|e| {
        let refused = match e {
            Expr::ScalarFunction(f) => f.func.signature().volatility != Volatility::Immutable,
            Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::Exists(_)
            | Expr::Unnest(_)
            | Expr::Placeholder(_)
            | Expr::ScalarVariable(..)
            | Expr::OuterReferenceColumn(..) => true,
            _ => false,
        };
        if !refused {
            return Ok(TreeNodeRecursion::Continue);
        }
        found = Some(e.to_string());
        Ok(TreeNodeRecursion::Stop)
    })?;
    match found {
        Some(text) => Err(Failure::invalid(format!("SQL: {text} is not a function of one row alone"))),
        None => Ok(()),
    }
}

fn check_names(names: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        let mut chars = name.chars();
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if is_system(name) && !name.contains(['(', ' ', '.']) {
            return Err(Failure::invalid(format!(
                "SQL: output column '{name}': names starting with _ belong to Weir, whose columns go with \
                 every row; to have it under another name write {name} AS ..."
            )));
        }
        if !chars.next().is_some_and(|c| c.is_ascii_lowercase()) || !chars.all(lower) {
            return Err(Failure::invalid(format!(
                "SQL: output column '{name}': a name is a lower-case letter followed by lower-case letters, \
                 digits and _; name an expression with AS"
            )));
        }
        if !seen.insert(name) {
            return Err(Failure::invalid(format!("SQL: two output columns are called '{name}'")));
        }
    }
    Ok(())
}

struct Compiler<'a> {
    state: &'a SessionState,
    schema: DFSchemaRef,
}

impl Compiler<'_> {
    fn compile(&self, expr: Expr) -> Result<Arc<dyn PhysicalExpr>> {
        let schema: &DFSchema = &self.schema;
        // Before constants are folded, which would wrap them around too.
        let expr = check_arithmetic(expr, schema)?;
        let context = SimplifyContext::builder()
            .with_schema(self.schema.clone())
            .with_config_options(self.state.config_options().clone())
            .build();
        let simplified = ExprSimplifier::new(context).simplify(expr);
        let compiled = simplified.and_then(|e| self.state.create_physical_expr(e, schema));
        compiled.map_err(|e| Failure::from(e).with_code(Code::InvalidArgument).context("SQL"))
    }
}

fn output_field(name: &str, expr: &dyn PhysicalExpr, input: &Schema) -> Result<Field> {
    let ty = match expr.data_type(input)? {
        DataType::Null => Err("NULL without a type; write CAST(NULL AS ...)".to_string()),
        ty => sql_type(&ty).map_err(|what| format!("a value of type {what} cannot be stored; cast it")),
    };
    let ty = ty.map_err(|why| Failure::invalid(format!("SQL: output column '{name}': {why}")))?;
    Ok(Field::new(name, ty, expr.nullable(input)?))
}

fn kept_columns(outputs: &[Arc<dyn PhysicalExpr>]) -> Vec<usize> {
    let used: HashSet<usize> = outputs.iter().flat_map(collect_columns).map(|c| c.index()).collect();
    let mut kept: Vec<usize> = used.into_iter().collect();
    kept.sort_unstable();
    kept
}

impl Plan {
    /// Any failure is one of the data: the same batch fails the same way again.
    pub fn run(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        self.evaluate(batch).map_err(|failure| match failure.code {
            Code::ResourceExhausted => failure,
            _ => failure.with_code(Code::Rejected),
        })
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let passed = match &self.filter {
            Some(filter) => {
                let mask = filter.evaluate(batch)?.into_array(batch.num_rows())?;
                filter_record_batch(&batch.project(&self.kept)?, mask.as_boolean())?
            }
            None => batch.project(&self.kept)?,
        };
        let rows = passed.num_rows();
        let columns = self.outputs.iter().zip(self.output.fields()).map(|(expr, field)| {
            // An expression over no rows may still fail on its constants.
            if rows == 0 {
                return Ok(arrow::array::new_empty_array(field.data_type()));
            }
            let value = expr.evaluate(&passed)?.into_array(rows)?;
            let value = cast_exactly(&value, field.data_type()).map_err(|e| in_column(field, &e))?;
            check_precision(&value).map_err(|e| in_column(field, &e))?;
            Ok(value)
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.output.clone(), columns, &options)?)
    }
}

fn in_column(field: &Field, e: &arrow::error::ArrowError) -> Failure {
    Failure::new(Code::Rejected, format!("column '{}': {e}", field.name()))
}

/// Decimal arithmetic fails beyond 128 bits, but not beyond the digits of its type.
fn check_precision(array: &ArrayRef) -> Result<(), arrow::error::ArrowError> {
    match array.data_type() {
        DataType::Decimal128(precision, _) => {
            array.as_primitive::<Decimal128Type>().validate_decimal_precision(*precision)
        }
        _ => Ok(()),
    }
}
