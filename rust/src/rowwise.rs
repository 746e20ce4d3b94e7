//! What SQL may stand in a pipeline: one SELECT over `input`, each output row a function
//! of one input row and of nothing else. Checked on the syntax tree, where places are
//! still known.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::Volatility;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    ExceptSelectItem, ExcludeSelectItem, Expr, Function, GroupByExpr, Ident, ObjectName, Query, Select,
    SelectItem, SetExpr, Spanned, Statement as SqlStatement, TableFactor, TableWithJoins, Visit, Visitor,
    WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::status::{Failure, Result};

/// The name the SQL knows its rows by.
pub const INPUT: &str = "input";

/// Parses and checks `sql`; `*` in the result leaves out `system_columns`.
pub fn parse(sql: &str, state: &SessionState, system_columns: &[String]) -> Result<Statement> {
    let mut statements: VecDeque<Statement> = DFParser::parse_sql(sql)?;
    let statement = statements.pop_front();
    if !statements.is_empty() {
        return Err(Failure::invalid("SQL: several statements; a pipeline has exactly one SELECT"));
    }
    let mut sql = match statement {
        Some(Statement::Statement(sql)) => sql,
        Some(other) => return Err(not_a_select(&other.to_string())),
        None => return Err(Failure::invalid("SQL: empty; write a SELECT over input")),
    };
    match sql.as_mut() {
        SqlStatement::Query(query) => {
            check_query(query, state)?;
            if let SetExpr::Select(select) = query.body.as_mut() {
                hide_system_columns(select, system_columns);
            }
        }
        other => return Err(not_a_select(&other.to_string())),
    }
    Ok(Statement::Statement(sql))
}

fn not_a_select(text: &str) -> Failure {
    let word = text.split_whitespace().next().unwrap_or_default();
    Failure::invalid(format!("SQL: {word} is not allowed; a pipeline has exactly one SELECT over input"))
}

fn refuse<T>(span: Span, what: &str, why: &str) -> Result<T> {
    let place = match span.start.line {
        0 => String::new(),
        line => format!(" at line {line}, column {}", span.start.column),
    };
    Err(Failure::invalid(format!("SQL{place}: {what}: {why}")))
}

const ROW_BY_ROW: &str = "not possible on a stream, where each row stands alone";
const NO_ORDER: &str = "rows leave in the order of the stream; sort when you query";
const DETERMINISTIC: &str =
    "gives another result when a row is processed again; use the column _time or an input column";

fn check_query(query: &Query, state: &SessionState) -> Result<()> {
    if let Some(with) = &query.with {
        return refuse(with.span(), "WITH", "a pipeline is one SELECT; write the expressions in place");
    }
    if let Some(order) = &query.order_by {
        return refuse(order.span(), "ORDER BY", NO_ORDER);
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        let span = query.limit_clause.as_ref().map_or(Span::empty(), Spanned::span);
        return refuse(span, "LIMIT, OFFSET or FETCH", ROW_BY_ROW);
    }
    let extras = !query.locks.is_empty()
        || query.for_clause.is_some()
        || query.settings.is_some()
        || query.format_clause.is_some()
        || !query.pipe_operators.is_empty();
    if extras {
        return refuse(Span::empty(), "a clause after the SELECT", "only WHERE is allowed");
    }
    match query.body.as_ref() {
        SetExpr::Select(select) => check_select(select, state),
        SetExpr::SetOperation { op, .. } => {
            refuse(query.span(), &op.to_string(), "a pipeline is one SELECT; make a table for each")
        }
        SetExpr::Query(inner) => refuse(inner.span(), "a SELECT in parentheses", "remove the parentheses"),
        other => refuse(other.span(), "not a SELECT", "a pipeline has exactly one SELECT over input"),
    }
}

fn check_select(select: &Select, state: &SessionState) -> Result<()> {
    let here = select.span();
    if select.distinct.is_some() {
        return refuse(here, "DISTINCT", ROW_BY_ROW);
    }
    let grouped = match &select.group_by {
        GroupByExpr::Expressions(exprs, modifiers) => !exprs.is_empty() || !modifiers.is_empty(),
        GroupByExpr::All(_) => true,
    };
    if grouped {
        return refuse(select.group_by.span(), "GROUP BY", ROW_BY_ROW);
    }
    if let Some(having) = &select.having {
        return refuse(having.span(), "HAVING", "there are no groups; use WHERE");
    }
    if !select.sort_by.is_empty() || !select.cluster_by.is_empty() || !select.distribute_by.is_empty() {
        return refuse(here, "SORT, CLUSTER or DISTRIBUTE BY", NO_ORDER);
    }
    if !select.named_window.is_empty() || select.qualify.is_some() {
        return refuse(here, "WINDOW or QUALIFY", ROW_BY_ROW);
    }
    let extras = select.top.is_some()
        || select.into.is_some()
        || select.exclude.is_some()
        || select.prewhere.is_some()
        || select.value_table_mode.is_some()
        || !select.lateral_views.is_empty()
        || !select.connect_by.is_empty();
    if extras {
        return refuse(here, "TOP, INTO, PREWHERE, LATERAL VIEW or CONNECT BY", "only columns and WHERE are allowed");
    }
    check_from(&select.from, here)?;
    let mut visitor = Expressions { state };
    let visited = match select.projection.visit(&mut visitor) {
        ControlFlow::Continue(()) => select.selection.visit(&mut visitor),
        found => found,
    };
    match visited {
        ControlFlow::Break(failure) => Err(failure),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn check_from(from: &[TableWithJoins], select: Span) -> Result<()> {
    let [table] = from else {
        return match from.get(1) {
            None => refuse(select, "no FROM", "write FROM input"),
            Some(second) => refuse(second.span(), "a second table", "lookups are not supported yet"),
        };
    };
    if let Some(join) = table.joins.first() {
        return refuse(join.span(), "JOIN", "lookups are not supported yet");
    }
    let place = table.relation.span();
    match &table.relation {
        TableFactor::Table { args: Some(_), .. } => refuse(place, "a table function", "rows come from input"),
        TableFactor::Table { name, with_ordinality: false, version: None, sample: None, json_path: None, .. } => {
            if is_input(name) {
                return Ok(());
            }
            let why = "the rows of a pipeline are called input; lookups are not supported yet";
            refuse(place, &format!("table '{name}'"), why)
        }
        TableFactor::Derived { .. } => refuse(place, "a sub-query", "a pipeline is one SELECT over input"),
        TableFactor::UNNEST { .. } => refuse(place, "UNNEST", "one event makes at most one row"),
        TableFactor::TableFunction { .. } | TableFactor::Function { .. } => {
            refuse(place, "a table function", "rows come from input")
        }
        _ => refuse(place, "FROM", "write FROM input"),
    }
}

fn is_input(name: &ObjectName) -> bool {
    let [part] = name.0.as_slice() else { return false };
    part.as_ident().is_some_and(|ident| match ident.quote_style {
        Some(_) => ident.value == INPUT,
        None => ident.value.eq_ignore_ascii_case(INPUT),
    })
}

struct Expressions<'a> {
    state: &'a SessionState,
}

impl Visitor for Expressions<'_> {
    type Break = Failure;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Failure> {
        stop(refuse(query.span(), "a sub-query", "a pipeline is one SELECT over input; lookups are not supported yet"))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Failure> {
        match expr {
            Expr::Function(function) => stop(self.check_function(function)),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn stop(checked: Result<()>) -> ControlFlow<Failure> {
    match checked {
        Ok(()) => ControlFlow::Continue(()),
        Err(failure) => ControlFlow::Break(failure),
    }
}

impl Expressions<'_> {
    fn check_function(&self, function: &Function) -> Result<()> {
        let place = function.name.span();
        let name = function.name.0.last().map(|p| p.to_string().to_ascii_lowercase()).unwrap_or_default();
        let shown = format!("{name}()");
        if function.over.is_some() {
            return refuse(place, &format!("window function {shown}"), ROW_BY_ROW);
        }
        if let Some(scalar) = self.state.scalar_functions().get(&name) {
            return match scalar.signature().volatility {
                Volatility::Immutable => Ok(()),
                _ => refuse(place, &shown, DETERMINISTIC),
            };
        }
        if name == "unnest" {
            return refuse(place, "UNNEST", "one event makes at most one row");
        }
        if self.state.aggregate_functions().contains_key(&name) {
            return refuse(place, &format!("aggregate {shown}"), ROW_BY_ROW);
        }
        if self.state.window_functions().contains_key(&name) {
            return refuse(place, &format!("window function {shown}"), ROW_BY_ROW);
        }
        // Not known: the planner names what is similar.
        Ok(())
    }
}

/// `*` means the user's columns: the system columns go with every row anyway.
fn hide_system_columns(select: &mut Select, system_columns: &[String]) {
    for item in &mut select.projection {
        if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item {
            hide_in_wildcard(options, system_columns);
        }
    }
}

fn hide_in_wildcard(options: &mut WildcardAdditionalOptions, system_columns: &[String]) {
    let excluded = |ident: &Ident| system_columns.contains(&ident.value);
    let quoted = |name: &String| Ident::with_quote('"', name);
    let mut hidden: Vec<Ident> = system_columns.iter().map(quoted).collect();
    match (&mut options.opt_except, &mut options.opt_exclude) {
        (Some(except), _) => {
            let mut all = vec![except.first_element.clone()];
            all.append(&mut except.additional_elements);
            hidden.extend(all.into_iter().filter(|i| !excluded(i)));
        }
        (None, Some(exclude)) => {
            let names = match exclude {
                ExcludeSelectItem::Single(name) => vec![name.clone()],
                ExcludeSelectItem::Multiple(names) => std::mem::take(names),
            };
            let idents = names.into_iter().filter_map(|n| n.0.first().and_then(|p| p.as_ident().cloned()));
            hidden.extend(idents.filter(|i| !excluded(i)));
            options.opt_exclude = None;
        }
        (None, None) => {}
    }
    if !hidden.is_empty() {
        let first_element = hidden.remove(0);
        options.opt_except = Some(ExceptSelectItem { first_element, additional_elements: hidden });
    }
}
