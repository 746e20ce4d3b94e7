#include "clickhouse/native_type.h"

#include <arrow/type.h>

#include <array>
#include <charconv>

namespace weir::clickhouse {
namespace {

using Kind = NativeType::Kind;

struct NamedKind {
  std::string_view name;
  Kind kind;
};

constexpr std::array<NamedKind, 14> kSimple{{
    {"Bool", Kind::kBool},
    {"Int8", Kind::kInt8},
    {"Int16", Kind::kInt16},
    {"Int32", Kind::kInt32},
    {"Int64", Kind::kInt64},
    {"UInt8", Kind::kUInt8},
    {"UInt16", Kind::kUInt16},
    {"UInt32", Kind::kUInt32},
    {"UInt64", Kind::kUInt64},
    {"Float32", Kind::kFloat32},
    {"Float64", Kind::kFloat64},
    {"String", Kind::kString},
    {"UUID", Kind::kUuid},
    {"Date32", Kind::kDate32},
}};

constexpr int kDepthMax = 32;

// Recursive descent over ClickHouse's spelling. A method returns false where the text is no type that Weir writes.
class TypeText {
 public:
  explicit TypeText(std::string_view text) : rest_(text) {}

  bool type(NativeType* result, int depth) {
    if (depth > kDepthMax) return false;
    const std::string name = word();
    for (const NamedKind& simple : kSimple) {
      if (simple.name != name) continue;
      result->kind = simple.kind;
      return true;
    }
    if (!take('(')) return false;
    return arguments(name, result, depth) && take(')');
  }

  bool at_end() {
    skip_spaces();
    return rest_.empty();
  }

 private:
  bool arguments(std::string_view name, NativeType* result, int depth) {
    if (name == "Nullable") {
      // Nullable(Nullable(T)), Nullable(Array(T)) and Nullable(Tuple(..)) are no types here.
      if (!type(result, depth + 1) || result->nullable || !result->children.empty()) return false;
      if (result->kind == Kind::kLowCardinalityString) return false;
      result->nullable = true;
      return true;
    }
    if (name == "LowCardinality") {
      result->kind = Kind::kLowCardinalityString;
      return word() == "String";
    }
    if (name == "Decimal") {
      result->kind = Kind::kDecimal;
      return number(&result->precision) && take(',') && number(&result->scale) && result->precision >= 1 &&
             result->precision <= 38 && result->scale <= result->precision;
    }
    if (name == "DateTime64") {
      result->kind = Kind::kDateTime64;
      int digits = 0;
      return number(&digits) && digits == 6 && (!take(',') || quoted() == "UTC");
    }
    if (name == "Array") {
      result->kind = Kind::kArray;
      return type(&result->children.emplace_back(), depth + 1);
    }
    if (name == "Tuple") return tuple(result, depth);
    return false;
  }

  bool tuple(NativeType* result, int depth) {
    result->kind = Kind::kTuple;
    do {
      result->element_names.push_back(word());
      if (result->element_names.back().empty() || !type(&result->children.emplace_back(), depth + 1)) return false;
    } while (take(','));
    return true;
  }

  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

  bool take(char c) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // An identifier, bare or in backticks.
  std::string word() {
    if (take('`')) return until('`');
    size_t length = 0;
    while (length < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[length])) != 0 || rest_[length] == '_')) {
      ++length;
    }
    const std::string result(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return result;
  }

  std::string quoted() { return take('\'') ? until('\'') : std::string(); }

  std::string until(char end) {
    std::string result;
    while (!rest_.empty() && rest_.front() != end) {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      result += rest_.front();
      rest_.remove_prefix(1);
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return result;
  }

  bool number(int* result) {
    skip_spaces();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), *result);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return *result >= 0;
  }

  std::string_view rest_;
};

}  // namespace

Result<NativeType> parse_native_type(std::string_view text) {
  TypeText parser(text);
  NativeType result;
  if (!parser.type(&result, 0) || !parser.at_end()) {
    return invalid_argument("\"" + std::string(text) + "\" is no ClickHouse type that Weir writes");
  }
  return result;
}

std::shared_ptr<arrow::DataType> arrow_type_of(const NativeType& type) {
  switch (type.kind) {
    case Kind::kBool: return arrow::boolean();
    case Kind::kInt8: return arrow::int8();
    case Kind::kInt16: return arrow::int16();
    case Kind::kInt32: return arrow::int32();
    case Kind::kInt64: return arrow::int64();
    case Kind::kUInt8: return arrow::uint8();
    case Kind::kUInt16: return arrow::uint16();
    case Kind::kUInt32: return arrow::uint32();
    case Kind::kUInt64: return arrow::uint64();
    case Kind::kFloat32: return arrow::float32();
    case Kind::kFloat64: return arrow::float64();
    case Kind::kString:
    case Kind::kUuid:
    case Kind::kLowCardinalityString: return arrow::utf8();
    case Kind::kDate32: return arrow::date32();
    case Kind::kDateTime64: return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case Kind::kDecimal: return std::make_shared<arrow::Decimal128Type>(type.precision, type.scale);
    case Kind::kArray: return arrow::list(arrow::field("item", arrow_type_of(type.children.front()), false));
    case Kind::kTuple: break;
  }
  arrow::FieldVector fields;
  for (size_t i = 0; i < type.children.size(); ++i) {
    fields.push_back(arrow::field(type.element_names[i], arrow_type_of(type.children[i]), false));
  }
  return arrow::struct_(std::move(fields));
}

}  // namespace weir::clickhouse
