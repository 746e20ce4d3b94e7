#include "clickhouse/row_hash_sql.h"

#include "clickhouse/sql_text.h"

namespace weir::clickhouse {
namespace {

using Kind = NativeType::Kind;

constexpr std::string_view kNullText = "'N;'";

// "<bytes>:<text>;". ClickHouse evaluates a repeated subexpression once, so only the length of the SQL counts.
std::string framed(const std::string& text) { return "concat(toString(length(" + text + ")),':'," + text + ",';')"; }

std::string call(std::string_view function, std::string_view argument) {
  return std::string(function) + "(" + std::string(argument) + ")";
}

// Every NaN counts as one; -0.0 keeps its sign.
std::string float_text(std::string_view expression) {
  const std::string wide = call("toFloat64", expression);
  return "toString(if(isNaN(" + wide + "),9221120237041090560,reinterpretAsInt64(" + wide + ")))";
}

// The unscaled integer, which is how ClickHouse keeps the value.
std::string decimal_text(std::string_view expression, const NativeType& type) {
  const char* integer = type.precision <= 9 ? "'Int32'" : type.precision <= 18 ? "'Int64'" : "'Int128'";
  return "toString(reinterpret(" + std::string(expression) + "," + integer + "))";
}

std::string plain_text(std::string_view expression, const NativeType& type, int depth);

// Text of something inside a list or struct, framed. Inside, `v<depth>` and `t<depth>` name a value and its text, which
// keeps the SQL linear in the depth of the type.
std::string element_text(std::string_view expression, const NativeType& type, int depth) {
  if (!type.nullable) return "arrayMap(t" + std::to_string(depth) + "->" + framed("t" + std::to_string(depth)) + ",[" +
                             plain_text(expression, type, depth + 1) + "])[1]";
  return "if(isNull(" + std::string(expression) + ")," + std::string(kNullText) + "," +
         framed(plain_text("assumeNotNull(" + std::string(expression) + ")", type, depth + 1)) + ")";
}

std::string list_text(std::string_view expression, const NativeType& type, int depth) {
  const NativeType& item = type.children.front();
  const std::string value = "v" + std::to_string(depth);
  const std::string text = "t" + std::to_string(depth);
  if (item.nullable) {
    return "arrayStringConcat(arrayMap(" + value + "->" + element_text(value, item, depth + 1) + "," +
           std::string(expression) + "))";
  }
  return "arrayStringConcat(arrayMap(" + text + "->" + framed(text) + ",arrayMap(" + value + "->" +
         plain_text(value, item, depth + 1) + "," + std::string(expression) + ")))";
}

std::string struct_text(std::string_view expression, const NativeType& type, int depth) {
  std::string parts;
  for (size_t i = 0; i < type.children.size(); ++i) {
    if (i > 0) parts += ",";
    const std::string element = "tupleElement(" + std::string(expression) + "," + std::to_string(i + 1) + ")";
    parts += element_text(element, type.children[i], depth + 1);
  }
  return "concat(''," + parts + ")";
}

// The text of a value that is not NULL, not yet framed.
std::string plain_text(std::string_view expression, const NativeType& type, int depth) {
  switch (type.kind) {
    case Kind::kBool: return call("toString", call("toUInt8", expression));
    case Kind::kInt8:
    case Kind::kInt16:
    case Kind::kInt32:
    case Kind::kInt64:
    case Kind::kUInt8:
    case Kind::kUInt16:
    case Kind::kUInt32:
    case Kind::kUInt64:
    case Kind::kUuid: return call("toString", expression);
    case Kind::kFloat32:
    case Kind::kFloat64: return float_text(expression);
    case Kind::kString: return std::string(expression);
    case Kind::kLowCardinalityString: return "CAST(" + std::string(expression) + ",'String')";
    case Kind::kDate32: return call("toString", call("toInt32", expression));
    case Kind::kDateTime64: return call("toString", call("toUnixTimestamp64Micro", expression));
    case Kind::kDecimal: return decimal_text(expression, type);
    case Kind::kArray: return list_text(expression, type, depth);
    case Kind::kTuple: break;
  }
  return struct_text(expression, type, depth);
}

}  // namespace

std::string value_text_sql(std::string_view expression, const NativeType& type) {
  if (!type.nullable) {
    // Lists and structs are long expressions: name their text instead of repeating it.
    return type.children.empty() ? framed(plain_text(expression, type, 0)) : element_text(expression, type, 0);
  }
  return "if(isNull(" + std::string(expression) + ")," + std::string(kNullText) + "," +
         framed(plain_text("assumeNotNull(" + std::string(expression) + ")", type, 0)) + ")";
}

std::string row_hash_sql(const std::vector<BlockColumn>& columns) {
  std::string texts;
  for (const BlockColumn& column : columns) {
    if (!texts.empty()) texts += ",";
    texts += column.name.empty() ? std::string(kNullText) : value_text_sql(quote_identifier(column.name), column.type);
  }
  // concat() of one argument only exists since lately.
  return "xxHash64(concat(''," + texts + "))";
}

}  // namespace weir::clickhouse
