#include "config/toml_document.h"

#include <toml++/toml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace weir {
namespace {

constexpr size_t kDisplayBytesMax = 80;

int line_of(const toml::source_region& source) { return static_cast<int>(source.begin.line); }

template <typename T>
TomlValue::DateTime date_time(const T& value) {
  std::ostringstream text;
  text << value;
  return {text.str()};
}

TomlValue convert(const toml::node& node);

TomlValue::Table convert_table(const toml::table& table) {
  TomlValue::Table entries;
  for (const auto& [key, value] : table) {
    const int key_line = line_of(key.source());
    TomlValue converted = convert(value);
    // [[table]]: every element has its own line; the array as a whole takes the key's.
    if (converted.line == 0) converted.line = key_line;
    entries.push_back({std::string(key.str()), key_line, std::move(converted)});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const TomlEntry& a, const TomlEntry& b) { return a.line < b.line; });
  return entries;
}

TomlValue convert(const toml::node& node) {
  TomlValue result;
  result.line = line_of(node.source());
  switch (node.type()) {
    case toml::node_type::none: break;
    case toml::node_type::boolean: result.value = node.as_boolean()->get(); break;
    case toml::node_type::integer: result.value = node.as_integer()->get(); break;
    case toml::node_type::floating_point: result.value = node.as_floating_point()->get(); break;
    case toml::node_type::string: result.value = node.as_string()->get(); break;
    case toml::node_type::date: result.value = date_time(node.as_date()->get()); break;
    case toml::node_type::time: result.value = date_time(node.as_time()->get()); break;
    case toml::node_type::date_time: result.value = date_time(node.as_date_time()->get()); break;
    case toml::node_type::table: result.value = convert_table(*node.as_table()); break;
    case toml::node_type::array: {
      TomlValue::Array elements;
      for (const toml::node& element : *node.as_array()) elements.push_back(convert(element));
      result.value = std::move(elements);
      break;
    }
  }
  return result;
}

// A TOML basic string escapes as JSON does; line ends become \n, so messages stay on one line.
std::string basic_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string display_whole(const TomlValue& value);

struct Display {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    std::ostringstream out;
    out << value;
    return out.str();
  }
  std::string operator()(const std::string& value) const { return basic_string(value); }
  std::string operator()(const TomlValue::DateTime& value) const { return value.text; }
  std::string operator()(const TomlValue::Array& value) const {
    std::string text = "[";
    for (const TomlValue& element : value) text += (text.size() > 1 ? ", " : "") + display_whole(element);
    return text + "]";
  }
  std::string operator()(const TomlValue::Table& value) const {
    std::string text = "{";
    for (const TomlEntry& entry : value)
      text += (text.size() > 1 ? ", " : "") + entry.key + " = " + display_whole(entry.value);
    return text + "}";
  }
};

std::string display_whole(const TomlValue& value) { return std::visit(Display(), value.value); }

struct KindName {
  std::string_view operator()(bool) const { return "a boolean"; }
  std::string_view operator()(int64_t) const { return "a whole number"; }
  std::string_view operator()(double) const { return "a number with a point"; }
  std::string_view operator()(const std::string&) const { return "a string"; }
  std::string_view operator()(const TomlValue::DateTime&) const { return "a date or time"; }
  std::string_view operator()(const TomlValue::Array&) const { return "a list"; }
  std::string_view operator()(const TomlValue::Table&) const { return "a section"; }
};

}  // namespace

std::variant<TomlValue::Table, TomlSyntaxError> parse_toml(std::string_view text) {
  try {
    return convert_table(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return TomlSyntaxError{line_of(error.source()), std::string(error.description())};
  }
}

const TomlEntry* find(const TomlValue::Table& table, std::string_view key) {
  const auto it = std::find_if(table.begin(), table.end(), [&](const TomlEntry& entry) { return entry.key == key; });
  return it == table.end() ? nullptr : &*it;
}

std::string_view kind_name(const TomlValue& value) { return std::visit(KindName(), value.value); }

std::string display(const TomlValue& value) {
  std::string text = display_whole(value);
  if (text.size() <= kDisplayBytesMax) return text;
  size_t cut = kDisplayBytesMax;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;  // Not inside a UTF-8 character.
  return text.substr(0, cut) + "...";
}

}  // namespace weir
