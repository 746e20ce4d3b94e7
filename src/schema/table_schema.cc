#include "schema/table_schema.h"

#include <algorithm>
#include <arrow/type.h>

#include "base/digest.h"

namespace weir {
namespace {

constexpr size_t kNameBytesMax = 128;

std::string quoted(std::string_view what, std::string_view name) {
  return std::string(what) + " \"" + std::string(name) + "\"";
}

bool is_nested(const ColumnType& type) { return type.kind == TypeKind::kList || type.kind == TypeKind::kStruct; }

bool may_partition(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUInt8:
    case TypeKind::kUInt16:
    case TypeKind::kUInt32:
    case TypeKind::kDate:
    case TypeKind::kString: return true;
    default: return false;
  }
}

void append_system_fields(arrow::FieldVector* fields) {
  fields->push_back(arrow::field(std::string(kShardColumn), arrow::int32(), false));
  fields->push_back(arrow::field(std::string(kSeqColumn), arrow::int64(), false));
  fields->push_back(arrow::field(std::string(kRowColumn), arrow::int32(), false));
  fields->push_back(arrow::field(std::string(kTimeColumn), arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), false));
  fields->push_back(arrow::field(std::string(kSubjectColumn), arrow::utf8(), false));
}

bool is_system_column(std::string_view name) {
  return name == kShardColumn || name == kSeqColumn || name == kRowColumn || name == kTimeColumn ||
         name == kSubjectColumn;
}

// The column `name` of a key (`what`: "partition_by" or "order_by"): there, not nullable, named once.
Result<const RowColumn*> key_column(const Plan& plan, std::string_view what, const std::vector<std::string>& key,
                                    const std::string& name) {
  const auto column = std::ranges::find(plan.rows, name, &RowColumn::name);
  if (column == plan.rows.end()) return invalid_argument(quoted(what, name) + ": the rows have no such column");
  if (std::ranges::count(key, name) > 1) return invalid_argument(quoted(what, name) + " is there twice");
  if (column->nullable) {
    return invalid_argument(quoted(what, name) + ": the column may be NULL; make it `required` or give it a `default`" +
                            (plan.sql.empty() ? "" : ", or wrap it in coalesce() in the SQL"));
  }
  return &*column;
}

Status check_keys(const Plan& plan) {
  for (const std::string& name : plan.partition_by) {
    WEIR_ASSIGN_OR_RETURN(const RowColumn* column, key_column(plan, "partition_by", plan.partition_by, name));
    if (!may_partition(column->type.kind)) {
      return invalid_argument(quoted("partition_by", name) + ": a partition column is a date, a string or an integer " +
                              "(not uint64), not " + to_string(column->type));
    }
  }
  for (const std::string& name : plan.order_by) {
    WEIR_ASSIGN_OR_RETURN(const RowColumn* column, key_column(plan, "order_by", plan.order_by, name));
    if (is_nested(column->type)) {
      return invalid_argument(quoted("order_by", name) + ": rows cannot be ordered by a " + to_string(column->type));
    }
  }
  return ok_status();
}

// Takes `rows` as the plan's row columns if they are what every store can hold.
Status take_rows(std::vector<RowColumn> rows, Plan* plan) {
  if (rows.empty()) return invalid_argument("the rows have no column");
  for (const RowColumn& row : rows) {
    WEIR_RETURN_IF_ERROR(check_name("column", row.name));
    if (std::ranges::count(rows, row.name, &RowColumn::name) > 1) {
      return invalid_argument(quoted("column", row.name) + " is there twice");
    }
    if (row.nullable && is_nested(row.type)) {
      return invalid_argument(quoted("column", row.name) + ": a " + to_string(row.type) +
                              " cannot be NULL in every store; make it `required` or give it a `default`");
    }
  }
  plan->rows = std::move(rows);
  return check_keys(*plan);
}

}  // namespace

bool operator==(const RowColumn& a, const RowColumn& b) {
  return a.name == b.name && a.type == b.type && a.nullable == b.nullable;
}

std::string Plan::id() const { return digest_hex(to_json(*this)); }

Status check_name(std::string_view what, std::string_view name) {
  if (name.starts_with('_')) {
    return invalid_argument(quoted(what, name) + ": names with a leading underscore are reserved for system columns");
  }
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  const bool starts_well = !name.empty() && name.front() >= 'a' && name.front() <= 'z';
  if (starts_well && name.size() <= kNameBytesMax && std::ranges::all_of(name, allowed)) return ok_status();
  return invalid_argument(quoted(what, name) + ": names are [a-z][a-z0-9_]*, at most " +
                          std::to_string(kNameBytesMax) + " bytes");
}

std::shared_ptr<arrow::Schema> input_arrow_schema(const Plan& plan) {
  arrow::FieldVector fields;
  for (const InputColumn& column : plan.input) {
    const bool nullable = !column.required && !column.default_json.has_value();
    fields.push_back(arrow::field(column.name, arrow_type(column.type), nullable));
  }
  append_system_fields(&fields);
  return arrow::schema(std::move(fields));
}

std::shared_ptr<arrow::Schema> row_arrow_schema(const Plan& plan) {
  arrow::FieldVector fields;
  for (const RowColumn& column : plan.rows) {
    fields.push_back(arrow::field(column.name, arrow_type(column.type), column.nullable));
  }
  append_system_fields(&fields);
  return arrow::schema(std::move(fields));
}

Status set_rows_from_sql(const arrow::Schema& result, Plan* plan) {
  std::vector<RowColumn> rows;
  for (const std::shared_ptr<arrow::Field>& field : result.fields()) {
    if (is_system_column(field->name())) continue;
    Result<ColumnType> type = column_type_of(*field->type());
    if (!type.ok()) return type.status().with_context(quoted("column", field->name()));
    // utf8 alone does not say uuid or json: a column that kept its name and its layout kept its meaning.
    const auto input = std::ranges::find(plan->input, field->name(), &InputColumn::name);
    if (input != plan->input.end() && type->kind == TypeKind::kString &&
        arrow_type(input->type)->id() == arrow::Type::STRING) {
      type->kind = input->type.kind;
    }
    rows.push_back({field->name(), std::move(type).value(), field->nullable()});
  }
  return take_rows(std::move(rows), plan);
}

Status set_rows_from_input(Plan* plan) {
  std::vector<RowColumn> rows;
  for (const InputColumn& column : plan->input) {
    rows.push_back({column.name, column.type, !column.required && !column.default_json.has_value()});
  }
  return take_rows(std::move(rows), plan);
}

}  // namespace weir
