#include "schema/column_type.h"

#include <charconv>

#include "schema/scalar_types.h"
#include "schema/table_schema.h"

namespace weir {
namespace {

// Bounds what a pipeline file can make the recursive functions over types do.
constexpr int kNestingMax = 16;
constexpr int kDecimalDigitsMax = 38;

// Recursive descent over the text of a type. White space is allowed around names and punctuation.
class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text) {}

  Result<ColumnType> parse() {
    WEIR_ASSIGN_OR_RETURN(ColumnType type, parse_type(0));
    skip_space();
    if (pos_ != text_.size()) return error("nothing more is expected here");
    return type;
  }

 private:
  Result<ColumnType> parse_type(int nesting) {
    if (nesting > kNestingMax) return error("lists and structs nest at most " + std::to_string(kNestingMax) + " deep");
    skip_space();
    const size_t start = pos_;
    const std::string_view name = word();
    if (name == "decimal") return parse_decimal();
    if (name == "list") return parse_list(nesting);
    if (name == "struct") return parse_struct(nesting);
    for (const ScalarType& scalar : kScalarTypes) {
      if (scalar.name == name) return ColumnType{.kind = scalar.kind};
    }
    pos_ = start;
    return error("not a type");
  }

  Result<ColumnType> parse_decimal() {
    ColumnType type{.kind = TypeKind::kDecimal};
    WEIR_RETURN_IF_ERROR(expect('('));
    WEIR_ASSIGN_OR_RETURN(type.precision, number(1, kDecimalDigitsMax));
    WEIR_RETURN_IF_ERROR(expect(','));
    WEIR_ASSIGN_OR_RETURN(type.scale, number(0, type.precision));
    WEIR_RETURN_IF_ERROR(expect(')'));
    return type;
  }

  Result<ColumnType> parse_list(int nesting) {
    ColumnType type{.kind = TypeKind::kList};
    WEIR_RETURN_IF_ERROR(expect('<'));
    WEIR_ASSIGN_OR_RETURN(ColumnType item, parse_type(nesting + 1));
    type.children.push_back({"item", std::move(item)});
    WEIR_RETURN_IF_ERROR(expect('>'));
    return type;
  }

  Result<ColumnType> parse_struct(int nesting) {
    ColumnType type{.kind = TypeKind::kStruct};
    WEIR_RETURN_IF_ERROR(expect('<'));
    do {
      skip_space();
      const std::string name(word());
      if (const Status status = check_name("struct field", name); !status.ok()) return error(status.message());
      for (const TypedField& field : type.children) {
        if (field.name == name) return error("struct field \"" + name + "\" is there twice");
      }
      WEIR_RETURN_IF_ERROR(expect(':'));
      WEIR_ASSIGN_OR_RETURN(ColumnType field, parse_type(nesting + 1));
      type.children.push_back({name, std::move(field)});
    } while (accept(','));
    WEIR_RETURN_IF_ERROR(expect('>'));
    return type;
  }

  Result<int> number(int min, int max) {
    skip_space();
    int value = 0;
    const char* end = text_.data() + text_.size();
    const auto [stop, failure] = std::from_chars(text_.data() + pos_, end, value);
    if (failure != std::errc() || value < min || value > max) {
      return error("a number from " + std::to_string(min) + " to " + std::to_string(max) + " is expected here");
    }
    pos_ = static_cast<size_t>(stop - text_.data());
    return value;
  }

  std::string_view word() {
    const size_t start = pos_;
    const auto in_word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    while (pos_ < text_.size() && in_word(text_[pos_])) ++pos_;
    return text_.substr(start, pos_ - start);
  }

  bool accept(char c) {
    skip_space();
    if (pos_ >= text_.size() || text_[pos_] != c) return false;
    ++pos_;
    return true;
  }

  Status expect(char c) {
    if (accept(c)) return ok_status();
    return error(std::string("'") + c + "' is expected here");
  }

  void skip_space() {
    while (pos_ < text_.size() && text_[pos_] == ' ') ++pos_;
  }

  [[nodiscard]] Status error(const std::string& what) const {
    std::string names;
    for (const ScalarType& scalar : kScalarTypes) names += std::string(scalar.name) + ", ";
    return invalid_argument("type \"" + std::string(text_) + "\", at character " + std::to_string(pos_ + 1) + ": " +
                            what + "; types are " + names + "decimal(p,s), list<T>, struct<name:T,...>");
  }

  std::string_view text_;
  size_t pos_ = 0;
};

}  // namespace

bool operator==(const ColumnType& a, const ColumnType& b) {
  return a.kind == b.kind && a.precision == b.precision && a.scale == b.scale && a.children == b.children;
}

bool operator==(const TypedField& a, const TypedField& b) { return a.name == b.name && a.type == b.type; }

Result<ColumnType> parse_column_type(std::string_view text) { return TypeParser(text).parse(); }

std::string to_string(const ColumnType& type) {
  if (const ScalarType* scalar = scalar_type(type.kind)) return std::string(scalar->name);
  if (type.kind == TypeKind::kDecimal) {
    return "decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
  }
  if (type.kind == TypeKind::kList) return "list<" + to_string(type.children.front().type) + ">";
  std::string text = "struct<";
  for (const TypedField& field : type.children) {
    if (text.back() != '<') text += ",";
    text += field.name + ":" + to_string(field.type);
  }
  return text + ">";
}

}  // namespace weir
