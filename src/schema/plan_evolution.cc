#include "schema/plan_evolution.h"

#include <algorithm>

namespace weir {
namespace {

bool is_nested(const ColumnType& type) { return type.kind == TypeKind::kList || type.kind == TypeKind::kStruct; }

template <typename Column>
const Column* find_column(const std::vector<Column>& columns, std::string_view name) {
  const auto found = std::ranges::find(columns, name, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

bool is_key(const Plan& plan, const std::string& name) {
  return std::ranges::count(plan.partition_by, name) + std::ranges::count(plan.order_by, name) > 0;
}

std::string described(const RowColumn& column) {
  return to_string(column.type) + (column.nullable ? "" : " NOT NULL");
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "nothing" : text;
}

// What column_of_field() makes. A column that a person wrote exactly so is as harmless to keep.
bool comes_from_a_field(const InputColumn& column) {
  switch (column.type.kind) {
    case TypeKind::kBool:
    case TypeKind::kInt64:
    case TypeKind::kFloat64:
    case TypeKind::kString:
    case TypeKind::kJson: break;
    default: return false;
  }
  return !column.required && !column.default_json && column.from.kind == ValueSource::Kind::kPointer &&
         column.from.text == "/" + column.name;
}

// Collects what cannot be done in place.
class Refusals {
 public:
  void add(const std::string& text) { text_ += "\n  " + text; }

  [[nodiscard]] Status status(const std::string& rebuild) const {
    if (text_.empty()) return ok_status();
    return invalid_argument("its columns cannot become those of the pipeline file in place:" + text_ +
                            "\nPut the old definition back, or fill a table of the new shape: " + rebuild);
  }

 private:
  std::string text_;
};

void compare_keys(std::string_view what, const std::vector<std::string>& before, const std::vector<std::string>& after,
                  Refusals* refusals) {
  if (before == after) return;
  refusals->add(std::string(what) + ": the table has " + joined(before) + ", the file " + joined(after) +
                "; it is fixed once the table exists");
}

// Makes `column` of `wanted` what both old and new rows fit into.
void evolve_column(const Plan& current, const Plan& wanted, RowColumn* column, Refusals* refusals) {
  const RowColumn* before = find_column(current.rows, column->name);
  if (before == nullptr) {
    if (is_nested(column->type)) {
      return refusals->add("column \"" + column->name + "\" is new, " + described(*column) +
                           ": rows from before would have NULL in it, which a list or struct cannot be in ClickHouse; "
                           "json can");
    }
    column->nullable = true;
    return;
  }
  const bool widened = is_widening(before->type.kind, column->type.kind);
  if (!(before->type == column->type) && !widened) {
    return refusals->add("column \"" + column->name + "\": the table has " + described(*before) + ", the file " +
                         described(*column));
  }
  if (widened && is_key(wanted, column->name)) {
    return refusals->add("column \"" + column->name + "\": the table has " + described(*before) + ", the file " +
                         described(*column) + "; ClickHouse cannot change a column of partition_by or order_by");
  }
  column->nullable = column->nullable || before->nullable;
}

}  // namespace

bool is_widening(TypeKind from, TypeKind to) {
  return (from == TypeKind::kUInt8 && to == TypeKind::kInt16) || (from == TypeKind::kUInt16 && to == TypeKind::kInt32) ||
         (from == TypeKind::kUInt32 && to == TypeKind::kInt64);
}

bool same_columns(const Plan& a, const Plan& b) {
  return a.rows.size() == b.rows.size() && std::ranges::all_of(a.rows, [&](const RowColumn& column) {
           const RowColumn* other = find_column(b.rows, column.name);
           return other != nullptr && other->type == column.type;
         });
}

Result<InputColumn> column_of_field(const Plan& plan, std::string_view field, TypeKind kind) {
  WEIR_RETURN_IF_ERROR(check_name("column", field));
  if (find_column(plan.input, field) != nullptr || find_column(plan.rows, field) != nullptr) {
    return invalid_argument("column \"" + std::string(field) + "\" is there already, with its value from elsewhere");
  }
  // A name needs no escapes in a JSON Pointer.
  return InputColumn{.name = std::string(field),
                     .type = {.kind = kind},
                     .from = {.kind = ValueSource::Kind::kPointer, .text = "/" + std::string(field)}};
}

std::vector<InputColumn> columns_to_keep(const Plan& file, const Plan& current) {
  std::vector<InputColumn> kept;
  if (file.on_unknown_field != UnknownFields::kAddColumn) return kept;
  for (const InputColumn& column : current.input) {
    const bool taken = find_column(file.input, column.name) != nullptr || find_column(file.rows, column.name) != nullptr;
    if (!taken && comes_from_a_field(column)) kept.push_back(column);
  }
  return kept;
}

Result<Plan> evolved_plan(const Plan& current, Plan wanted, const EvolutionRules& rules) {
  Refusals refusals;
  compare_keys("partition_by", current.partition_by, wanted.partition_by, &refusals);
  compare_keys("order_by", current.order_by, wanted.order_by, &refusals);
  for (const RowColumn& before : current.rows) {
    if (find_column(wanted.rows, before.name) != nullptr || (rules.may_leave_out && before.nullable)) continue;
    refusals.add("column \"" + before.name + "\": the table has " + described(before) +
                 ", the file none of that name; columns are neither dropped nor renamed");
  }
  for (RowColumn& column : wanted.rows) evolve_column(current, wanted, &column, &refusals);
  WEIR_RETURN_IF_ERROR(refusals.status(rules.rebuild));
  return wanted;
}

}  // namespace weir
