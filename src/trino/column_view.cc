#include "trino/column_view.h"

#include "schema/scalar_types.h"
#include "trino/sql_text.h"

namespace weir::trino {
namespace {

// Names of the plan are [a-z_][a-z0-9_]*: backticks keep those that are words of SQL.
std::string in_clickhouse(std::string_view name) { return "`" + std::string(name) + "`"; }

std::string decimal_type(const ColumnType& type) {
  return "decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
}

std::string variable(int depth) { return "x" + std::to_string(depth); }

// Trino's reader of Delta rounds microseconds half up to milliseconds. Rounding the same keeps a row's time what it was
// when W passes it; toStartOfMillisecond is monotonic, so predicates still reach the primary key.
std::string rounded_to_ms(const std::string& expression) {
  return "toStartOfMillisecond(" + expression + " + toIntervalMicrosecond(500))";
}

// ---- Lists and structs travel as JSON text: structs as arrays of their fields, and what JSON or a server's settings for
// it could change (64-bit numbers, decimals, floats, times, bytes) as strings.

bool is_json_scalar(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool:
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kUInt8:
    case TypeKind::kUInt16:
    case TypeKind::kUInt32:
    case TypeKind::kString:
    case TypeKind::kJson: return true;
    default: return false;
  }
}

std::string json_part_type(const ColumnType& type) {
  if (type.kind == TypeKind::kList) return "Array(" + json_part_type(type.children.front().type) + ")";
  if (type.kind == TypeKind::kStruct) {
    std::string text = "Tuple(";
    for (const TypedField& field : type.children) text += (text.back() == '(' ? "" : ", ") + json_part_type(field.type);
    return text + ")";
  }
  return is_json_scalar(type.kind) ? clickhouse_type(type, false) : "String";
}

std::string json_part(const ColumnType& type, const std::string& expression, int depth) {
  switch (type.kind) {
    case TypeKind::kList: {
      const std::string item = variable(depth);
      return "arrayMap(" + item + " -> " + json_part(type.children.front().type, item, depth + 1) + ", " + expression + ")";
    }
    case TypeKind::kStruct: {
      // Fields without names: a tuple with names would become an object.
      std::string fields;
      for (const TypedField& field : type.children) {
        fields += (fields.empty() ? "" : ", ") +
                  json_part(field.type, "tupleElement(" + expression + ", '" + field.name + "')", depth);
      }
      return "_CAST(tuple(" + fields + "), '" + json_part_type(type) + "')";
    }
    case TypeKind::kBinary: return "hex(" + expression + ")";
    case TypeKind::kTimestamp: return "concat(toString(" + rounded_to_ms(expression) + "), ' UTC')";
    case TypeKind::kFloat32:
    case TypeKind::kFloat64:
      return "multiIf(isNaN(" + expression + "), 'NaN', isInfinite(" + expression + "), if(" + expression +
             " > 0, 'Infinity', '-Infinity'), toString(" + expression + "))";
    default: return is_json_scalar(type.kind) ? expression : "toString(" + expression + ")";
  }
}

// ---- And back in Trino.

std::string sql_type(const ColumnType& type) {
  if (type.kind == TypeKind::kDecimal) return decimal_type(type);
  if (type.kind == TypeKind::kList) return "array(" + sql_type(type.children.front().type) + ")";
  if (type.kind == TypeKind::kStruct) {
    std::string text = "row(";
    for (const TypedField& field : type.children) {
      text += (text.back() == '(' ? "" : ", ") + quote_identifier(field.name) + " " + sql_type(field.type);
    }
    return text + ")";
  }
  return trino_type(type);
}

// What json_part() leads to when its text is read again.
std::string parsed_type(const ColumnType& type) {
  if (type.kind == TypeKind::kList) return "array(" + parsed_type(type.children.front().type) + ")";
  if (type.kind == TypeKind::kStruct) {
    std::string text = "row(";
    for (const TypedField& field : type.children) {
      text += (text.back() == '(' ? "" : ", ") + quote_identifier(field.name) + " " + parsed_type(field.type);
    }
    return text + ")";
  }
  return is_json_scalar(type.kind) ? trino_type(type) : "varchar";
}

bool has_binary(const ColumnType& type) {
  if (type.kind == TypeKind::kBinary) return true;
  for (const TypedField& child : type.children) {
    if (has_binary(child.type)) return true;
  }
  return false;
}

std::string from_parsed(const ColumnType& type, const std::string& expression, int depth);

std::string row_from_parsed(const ColumnType& type, const std::string& row, int depth) {
  std::string fields;
  for (const TypedField& field : type.children) {
    fields += (fields.empty() ? "" : ", ") + from_parsed(field.type, row + "." + quote_identifier(field.name), depth);
  }
  return "CAST(ROW(" + fields + ") AS " + sql_type(type) + ")";
}

// A CAST does everything but bytes, which need a function: then the value is taken apart. `expression` is used once.
std::string from_parsed(const ColumnType& type, const std::string& expression, int depth) {
  if (!has_binary(type)) {
    return parsed_type(type) == sql_type(type) ? expression : "CAST(" + expression + " AS " + sql_type(type) + ")";
  }
  if (type.kind == TypeKind::kBinary) return "from_hex(" + expression + ")";
  const std::string item = variable(depth);
  if (type.kind == TypeKind::kList) {
    return "transform(" + expression + ", " + item + " -> " +
           from_parsed(type.children.front().type, item, depth + 1) + ")";
  }
  // A struct gets a name by being the only item of a list.
  return "transform(ARRAY[" + expression + "], " + item + " -> " + row_from_parsed(type, item, depth + 1) + ")[1]";
}

// _CAST is the conversion through which predicates still reach the primary key; it says itself whether it may be NULL.
std::string cast_in_clickhouse(const std::string& expression, const std::string& type, bool nullable) {
  return "_CAST(" + expression + ", '" + (nullable ? "Nullable(" + type + ")" : type) + "')";
}

}  // namespace

ColumnView column_view(std::string_view name, const ColumnType& type, bool nullable) {
  const std::string here = in_clickhouse(name);
  const std::string there = quote_identifier(name);
  ColumnView view{.name = std::string(name), .type = sql_type(type), .clickhouse = here, .from_hot = there};
  switch (type.kind) {
    case TypeKind::kBinary:
      view.clickhouse = "hex(" + here + ")";
      view.from_hot = "from_hex(" + there + ")";
      break;
    case TypeKind::kUuid: view.clickhouse = "toString(" + here + ")"; break;
    case TypeKind::kTimestamp:
      // Trino's connector hides columns whose type names a zone.
      view.clickhouse = cast_in_clickhouse(rounded_to_ms(here), "DateTime64(3)", nullable);
      view.from_hot = "CAST(" + there + " AS timestamp(3) with time zone)";
      break;
    case TypeKind::kDate:
      // As a date, the connector fails a query that names a day before 1970 or after 2149. As a time, only one that compares
      // up to DATE '9999-12-31', which becomes a time before the year 10000: the bound, which Trino meets with it, takes the
      // place of it.
      view.clickhouse = cast_in_clickhouse(here, "DateTime64(3)", nullable);
      view.from_hot = "CAST(" + there + " AS date)";
      view.hot_bound = there + " < TIMESTAMP '2300-01-01 00:00:00.000'";
      if (nullable) view.hot_bound = "(" + there + " IS NULL OR " + view.hot_bound + ")";
      break;
    // As unsigned numbers it fails one that names a value outside their range.
    case TypeKind::kUInt8: view.clickhouse = cast_in_clickhouse(here, "Int16", nullable); break;
    case TypeKind::kUInt16: view.clickhouse = cast_in_clickhouse(here, "Int32", nullable); break;
    case TypeKind::kUInt32: view.clickhouse = cast_in_clickhouse(here, "Int64", nullable); break;
    case TypeKind::kList:
    case TypeKind::kStruct:
      view.clickhouse = "toJSONString(" + json_part(type, here, 1) + ")";
      view.from_hot = from_parsed(type, "CAST(json_parse(" + there + ") AS " + parsed_type(type) + ")", 1);
      break;
    default: break;
  }
  return view;
}

std::vector<ColumnView> column_views(const Plan& plan) {
  std::vector<ColumnView> views;
  for (const RowColumn& row : plan.rows) views.push_back(column_view(row.name, row.type, row.nullable));
  views.push_back(column_view(kShardColumn, {.kind = TypeKind::kInt32}, false));
  views.push_back(column_view(kSeqColumn, {.kind = TypeKind::kInt64}, false));
  views.push_back(column_view(kRowColumn, {.kind = TypeKind::kInt32}, false));
  views.push_back(column_view(kTimeColumn, {.kind = TypeKind::kTimestamp}, false));
  views.push_back(column_view(kSubjectColumn, {.kind = TypeKind::kString}, false));
  return views;
}

}  // namespace weir::trino
