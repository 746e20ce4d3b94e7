#include <limits>
#include <nlohmann/json.hpp>

#include "schema/table_schema.h"

namespace weir {
namespace {

using Json = nlohmann::ordered_json;

// Grows when a reader of the old text would misunderstand the new one.
constexpr int kPlanFormatVersion = 1;

template <typename Enum>
struct Spelling {
  Enum value;
  std::string_view text;
};

constexpr Spelling<PayloadFormat> kFormats[] = {
    {PayloadFormat::kJson, "json"}, {PayloadFormat::kNdjson, "ndjson"}, {PayloadFormat::kArrow, "arrow"}};
constexpr Spelling<UnknownFields> kUnknownFields[] = {
    {UnknownFields::kIgnore, "ignore"}, {UnknownFields::kReject, "reject"}, {UnknownFields::kAddColumn, "add_column"}};

template <typename Enum, size_t N>
std::string_view spell(const Spelling<Enum> (&spellings)[N], Enum value) {
  for (const Spelling<Enum>& spelling : spellings) {
    if (spelling.value == value) return spelling.text;
  }
  return {};
}

// Takes members out of a JSON object one by one and remembers the first thing that is wrong, so that a reader is a list
// of members and one check at its end.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) fail("an object is expected");
  }

  std::string text(const char* key) {
    const Json* member = take(key);
    if (member == nullptr || !member->is_string()) return fail_member(key, "text"), std::string();
    return member->get<std::string>();
  }

  std::optional<std::string> optional_text(const char* key) {
    if (!status_.ok() || !object_.contains(key)) return std::nullopt;
    return text(key);
  }

  int64_t integer(const char* key, int64_t min, int64_t max) {
    const Json* member = take(key);
    if (member == nullptr || !member->is_number_integer()) return fail_member(key, "an integer"), 0;
    if (member->is_number_unsigned() && member->get<uint64_t>() > static_cast<uint64_t>(max)) {
      return fail_member(key, "a number in range"), 0;
    }
    const auto value = member->get<int64_t>();
    if (value < min || value > max) fail_member(key, "a number in range");
    return value;
  }

  bool boolean(const char* key) {
    const Json* member = take(key);
    if (member == nullptr || !member->is_boolean()) return fail_member(key, "true or false"), false;
    return member->get<bool>();
  }

  template <typename Enum, size_t N>
  Enum choice(const char* key, const Spelling<Enum> (&spellings)[N]) {
    const std::string value = text(key);
    for (const Spelling<Enum>& spelling : spellings) {
      if (spelling.text == value) return spelling.value;
    }
    fail_member(key, "a known word");
    return spellings[0].value;
  }

  /// The value `parse` makes of the member's text.
  template <typename T>
  T parsed(const char* key, Result<T> (*parse)(std::string_view)) {
    const std::string value = text(key);
    if (!status_.ok()) return T{};
    Result<T> result = parse(value);
    if (result.ok()) return std::move(result).value();
    fail(result.status().message());
    return T{};
  }

  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> values;
    for_each(key, [&](const Json& item, const std::string&) {
      if (!item.is_string()) return fail_member(key, "a list of texts");
      values.push_back(item.get<std::string>());
    });
    return values;
  }

  template <typename Element>
  std::vector<Element> elements(const char* key, Element (*read)(ObjectReader*)) {
    std::vector<Element> values;
    for_each(key, [&](const Json& item, const std::string& where) {
      ObjectReader reader(item, where);
      values.push_back(read(&reader));
      const Status status = reader.finish();
      if (status_.ok() && !status.ok()) status_ = status;
    });
    return values;
  }

  /// The first thing wrong, a member nobody took included.
  Status finish() {
    if (status_.ok() && taken_ != object_.size()) fail("a member is there that this version does not know");
    return status_;
  }

 private:
  const Json* take(const char* key) {
    if (!status_.ok()) return nullptr;
    const auto member = object_.find(key);
    if (member == object_.end()) return nullptr;
    ++taken_;
    return &*member;
  }

  template <typename Visit>
  void for_each(const char* key, Visit visit) {
    const Json* member = take(key);
    if (member == nullptr || !member->is_array()) return fail_member(key, "a list");
    for (size_t i = 0; i < member->size(); ++i) visit((*member)[i], where_ + "/" + key + "/" + std::to_string(i));
  }

  void fail_member(const char* key, const char* expected) { fail(std::string(key) + ": " + expected + " is expected"); }

  void fail(const std::string& what) {
    if (status_.ok()) status_ = invalid_argument("plan" + where_ + ": " + what);
  }

  const Json& object_;
  std::string where_;
  Status status_;
  size_t taken_ = 0;
};

Json column_json(const InputColumn& column) {
  Json json = {{"name", column.name},
               {"type", to_string(column.type)},
               {"from", to_string(column.from)},
               {"required", column.required}};
  if (column.default_json.has_value()) json["default_json"] = *column.default_json;
  return json;
}

InputColumn read_input_column(ObjectReader* reader) {
  return {.name = reader->text("name"),
          .type = reader->parsed("type", parse_column_type),
          .from = reader->parsed("from", parse_value_source),
          .required = reader->boolean("required"),
          .default_json = reader->optional_text("default_json")};
}

RowColumn read_row_column(ObjectReader* reader) {
  return {.name = reader->text("name"),
          .type = reader->parsed("type", parse_column_type),
          .nullable = reader->boolean("nullable")};
}

}  // namespace

std::string to_json(const Plan& plan) {
  Json input = Json::array();
  for (const InputColumn& column : plan.input) input.push_back(column_json(column));
  Json rows = Json::array();
  for (const RowColumn& column : plan.rows) {
    rows.push_back({{"name", column.name}, {"type", to_string(column.type)}, {"nullable", column.nullable}});
  }
  const Json json = {{"version", kPlanFormatVersion},
                     {"table", plan.table},
                     {"format", spell(kFormats, plan.format)},
                     {"on_unknown_field", spell(kUnknownFields, plan.on_unknown_field)},
                     {"input", std::move(input)},
                     {"sql", plan.sql},
                     {"rows", std::move(rows)},
                     {"partition_by", plan.partition_by},
                     {"order_by", plan.order_by},
                     {"message_bytes_max", plan.message_bytes_max},
                     {"json_depth_max", plan.json_depth_max}};
  // A plan's text is valid UTF-8, TOML and JSON readers see to it; replacing keeps dump() from throwing all the same.
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<Plan> plan_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return invalid_argument("plan: not valid JSON");
  ObjectReader reader(json, "");
  reader.integer("version", kPlanFormatVersion, kPlanFormatVersion);
  Plan plan{.table = reader.text("table"),
            .format = reader.choice("format", kFormats),
            .on_unknown_field = reader.choice("on_unknown_field", kUnknownFields),
            .input = reader.elements("input", read_input_column),
            .sql = reader.text("sql"),
            .rows = reader.elements("rows", read_row_column),
            .partition_by = reader.texts("partition_by"),
            .order_by = reader.texts("order_by"),
            .message_bytes_max = reader.integer("message_bytes_max", 1, std::numeric_limits<int64_t>::max()),
            .json_depth_max = static_cast<int>(reader.integer("json_depth_max", 1, std::numeric_limits<int>::max()))};
  WEIR_RETURN_IF_ERROR(reader.finish());
  return plan;
}

}  // namespace weir
