#include "lake/table_definition.h"

#include <arrow/type.h>
#include <arrow/type_traits.h>

#include <algorithm>
#include <optional>

#include "lake/delta_schema.h"
#include "lake/lake_layout.h"
#include "ports/lake_table.h"

namespace weir::lake {
namespace {

constexpr const char* kTransactionRetention = "delta.setTransactionRetentionDuration";

// delta-rs writes a decimal's minimum and maximum by way of a double: with more digits than that holds, rows at the edge would be
// skipped by every reader. uint64 is a decimal of 20 digits in the lake.
constexpr int32_t kExactDigits = 15;

// Delta keeps minimum and maximum of scalar columns only, and a partition column's value is not in the files at all.
bool has_statistics(const arrow::Schema& schema, const std::vector<std::string>& partition_by,
                    const std::string& name) {
  const auto field = schema.GetFieldByName(name);
  if (field == nullptr || std::ranges::count(partition_by, name) > 0) return false;
  const arrow::Type::type id = field->type()->id();
  if (id == arrow::Type::UINT64) return false;
  if (arrow::is_decimal(id) && static_cast<const arrow::DecimalType&>(*field->type()).precision() > kExactDigits) return false;
  return id != arrow::Type::BOOL && id != arrow::Type::BINARY && !arrow::is_nested(id);
}

std::string statistics_columns(const arrow::Schema& schema, const std::vector<std::string>& partition_by,
                               const std::vector<std::string>& order_by) {
  std::vector<std::string> wanted{std::string(kShardColumn), std::string(kSeqColumn), std::string(kRowColumn),
                                  std::string(kTimeColumn), std::string(kSubjectColumn)};
  for (const std::string& name : order_by) {
    if (std::ranges::count(wanted, name) == 0) wanted.push_back(name);
  }
  std::string list;
  for (const std::string& name : wanted) {
    if (has_statistics(schema, partition_by, name)) list += (list.empty() ? "" : ",") + name;
  }
  return list;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

// Collects what differs, each with its remedy.
class Differences {
 public:
  explicit Differences(std::string table) : table_(std::move(table)) {}

  void add(const std::string& text) { text_ += "\n  " + text; }

  [[nodiscard]] Status status() const {
    if (text_.empty()) return {};
    return invalid_argument("the lake's table \"" + table_ + "\" is not the one this pipeline writes:" + text_);
  }

 private:
  std::string table_;
  std::string text_;
};

struct OwnershipRule {
  std::string_view property;
  std::string_view meaning;
  std::string_view remedy;
};

constexpr OwnershipRule kOwnership[] = {
    {kPipelineProperty, "pipeline",
     "give this pipeline a lake.url of its own, or the name of the one that owns the table"},
    {kTableProperty, "table", "the folder was moved or copied: put it back, or name another table"},
    {kStreamProperty, "stream", "name the stream the table was created for, or create a new table"},
    {kShardsProperty, "shards",
     "the number of shards is fixed once the table exists: set it back, or create a new table"},
};

void compare_owner(const TableDefinition& expected, const engine::TableDescription& there, Differences* differences) {
  for (const OwnershipRule& rule : kOwnership) {
    const auto ours = expected.properties.find(std::string(rule.property));
    if (ours == expected.properties.end()) continue;
    const auto theirs = there.properties.find(std::string(rule.property));
    const std::string found = theirs == there.properties.end() ? "nothing" : "\"" + theirs->second + "\"";
    if (found == "\"" + ours->second + "\"") continue;
    differences->add(std::string(rule.meaning) + ": the table says " + found + ", the pipeline file \"" + ours->second +
                     "\" (" + std::string(rule.remedy) + ")");
  }
}

std::optional<DeltaColumn> column_of(const std::vector<DeltaColumn>& columns, const std::string& name) {
  const auto found = std::ranges::find(columns, name, &DeltaColumn::name);
  return found == columns.end() ? std::optional<DeltaColumn>() : *found;
}

// The columns of a definition and of the table that is there.
struct BothColumns {
  std::vector<DeltaColumn> ours;
  std::vector<DeltaColumn> theirs;
};

Result<BothColumns> both_columns(const TableDefinition& expected, const engine::TableDescription& there) {
  BothColumns columns;
  WEIR_ASSIGN_OR_RETURN(columns.ours, delta_columns(*expected.schema));
  WEIR_ASSIGN_OR_RETURN(columns.theirs, parse_delta_schema(there.schema_json));
  return columns;
}

Status compare_columns(const TableDefinition& expected, const engine::TableDescription& there,
                       Differences* differences) {
  WEIR_ASSIGN_OR_RETURN(const BothColumns columns, both_columns(expected, there));
  bool differ = false;
  for (const DeltaColumn& column : columns.ours) {
    const auto other = column_of(columns.theirs, column.name);
    if (other ? other->type == column.type : column.nullable) continue;
    differ = true;
    differences->add(other ? "column: the table has " + to_string(*other) + ", the plan " + to_string(column)
                           : "column: the table lacks " + to_string(column));
  }
  for (const DeltaColumn& column : columns.theirs) {
    if (column.nullable || column_of(columns.ours, column.name)) continue;
    differ = true;
    differences->add("column: the table has " + to_string(column) + ", which the plan does not write");
  }
  if (differ) {
    differences->add(
        "(make the plan's columns those of the table again, or fill a new table under another name: weir backfill FILE "
        "--table " +
        expected.name + " --to lake --into NEW --sql '...')");
  }
  return {};
}

}  // namespace

TableDefinition rows_definition(const Plan& plan, const TableOwner& owner, Seq first) {
  TableDefinition definition;
  definition.name = plan.table;
  definition.schema = row_arrow_schema(plan);
  definition.partition_by = plan.partition_by;
  definition.properties = {
      {std::string(kPipelineProperty), owner.pipeline},
      {std::string(kTableProperty), plan.table},
      {std::string(kStreamProperty), owner.stream},
      {std::string(kShardsProperty), std::to_string(owner.shards)},
      {"delta.dataSkippingStatsColumns", statistics_columns(*definition.schema, plan.partition_by, plan.order_by)},
  };
  for (int32_t shard = 0; shard < owner.shards; ++shard) {
    definition.initial_txns.push_back({position_app_id(plan.table, shard), first.value - 1});
  }
  definition.crash_points = true;
  return definition;
}

Status check_definition(const TableDefinition& expected, const engine::TableDescription& there) {
  Differences differences(expected.name);
  compare_owner(expected, there, &differences);
  if (there.partition_columns != expected.partition_by) {
    differences.add("partition columns: the table has " + joined(there.partition_columns) + ", the plan " +
                    joined(expected.partition_by) +
                    " (they are fixed once the table exists: set partition_by back, or create a new table)");
  }
  if (there.properties.contains(kTransactionRetention)) {
    differences.add(std::string(kTransactionRetention) +
                    " is set: Delta would forget the positions (remove the property from the table)");
  }
  WEIR_RETURN_IF_ERROR(compare_columns(expected, there, &differences));
  WEIR_RETURN_IF_ERROR(differences.status());
  for (const engine::Txn& txn : expected.initial_txns) {
    if (there.txns.contains(txn.app_id)) continue;
    return data_loss("the lake's table \"" + expected.name + "\" has lost the transaction " + txn.app_id +
                     ", which holds the position of a shard: restore the table to a version that has it");
  }
  return {};
}

Result<SchemaGrowth> growth_of(const TableDefinition& expected, const engine::TableDescription& there) {
  WEIR_ASSIGN_OR_RETURN(const BothColumns columns, both_columns(expected, there));
  SchemaGrowth growth;
  for (const DeltaColumn& column : columns.ours) {
    const auto other = column_of(columns.theirs, column.name);
    if (!other) {
      growth.added.push_back(column.name);
    } else if (column.nullable && !other->nullable) {
      growth.made_nullable.push_back(column.name);
    }
  }
  return growth;
}

Result<std::vector<std::string>> foreign_columns(const TableDefinition& expected,
                                                 const engine::TableDescription& there) {
  WEIR_ASSIGN_OR_RETURN(const BothColumns columns, both_columns(expected, there));
  std::vector<std::string> foreign;
  for (const DeltaColumn& column : columns.theirs) {
    if (!column_of(columns.ours, column.name)) foreign.push_back(column.name);
  }
  return foreign;
}

}  // namespace weir::lake
