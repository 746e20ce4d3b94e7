//! Which plans run on a cluster: those whose rows were compared with the ones of this process, and no others.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::Result as PlanResult;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{JoinType, LogicalPlan};

use super::table::ResolvedTable;
use crate::status::{Failure, Result};

/// Requires: `plan` is optimized, so that subqueries are joins.
pub fn check(plan: &LogicalPlan) -> Result<()> {
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        refused = refusal(node);
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    match refused {
        None => Ok(()),
        Some(what) => Err(Failure::invalid(format!("{what} does not run on a cluster; run the query in this process"))),
    }
}

fn refusal(node: &LogicalPlan) -> Option<String> {
    use LogicalPlan as P;
    match node {
        P::Projection(_) | P::Filter(_) | P::Aggregate(_) | P::Window(_) | P::Sort(_) | P::Limit(_) => None,
        P::Union(_) | P::TableScan(_) | P::SubqueryAlias(_) | P::Distinct(_) | P::EmptyRelation(_) | P::Values(_) => None,
        // Each task of such a join would have to know the rows of all.
        P::Join(join) if join.null_aware => Some("NOT IN over values that may be NULL, in this place,".to_string()),
        // Ballista takes care of hash joins; in a loop each task would answer for the rows that found nothing in its own part.
        P::Join(join) if join.on.is_empty() && join.join_type != JoinType::Inner => {
            Some(format!("a {} join without an equality", join.join_type))
        }
        P::Join(_) => None,
        other => Some(other.display().to_string()),
    }
}

pub fn reads_a_table(plan: &LogicalPlan) -> Result<bool> {
    Ok(plan.exists(|node| Ok(matches!(node, LogicalPlan::TableScan(_))))?)
}

/// The same plan, its tables without the files that its own filters rule out.
pub fn pruned(plan: LogicalPlan, session: &dyn Session) -> Result<LogicalPlan> {
    let pruned = plan.transform_down(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        let provider = source_as_provider(&scan.source)?;
        let resolved = provider.downcast_ref::<ResolvedTable>();
        let fewer = resolved.map(|table| table.pruned(&scan.filters, session)).transpose()?.flatten();
        let changed = fewer.is_some();
        if let Some(fewer) = fewer {
            scan.source = provider_as_source(Arc::new(fewer));
        }
        PlanResult::Ok(Transformed::new(LogicalPlan::TableScan(scan), changed, TreeNodeRecursion::Continue))
    })?;
    Ok(pruned.data)
}
