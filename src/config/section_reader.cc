#include "config/section_reader.h"

#include <algorithm>
#include <cassert>

#include "config/nearest_name.h"
#include "config/quantity.h"

namespace weir {
namespace {

bool may_hold_secret(std::string_view key) {
  for (const std::string_view word : {"password", "token", "secret", "jwt", "key", "credential"}) {
    if (key.find(word) != std::string_view::npos) return true;
  }
  return false;
}

// " = value" for messages; nothing where the value may be a secret or, a URL with a user, hold one.
std::string shown_value(std::string_view key, const TomlValue& value) {
  std::string text = display(value);
  const bool url_with_user = text.find("://") != std::string::npos && text.find('@') != std::string::npos;
  return key.ends_with("_env") || url_with_user ? "" : " = " + text;
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

// The default as a value. Requires: it is TOML, which a test of the reference ensures.
TomlValue fallback_of(const KeySpec& spec) {
  auto parsed = parse_toml("value = " + std::string(spec.fallback));
  assert(std::holds_alternative<TomlValue::Table>(parsed));
  return std::get<TomlValue::Table>(parsed).front().value;
}

bool is_environment_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const size_t end = std::min(choices.find(" | "), choices.size());
    if (choices.substr(0, end) == value) return true;
    choices.remove_prefix(std::min(end + 3, choices.size()));
  }
  return false;
}

std::string joined(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

// Where else the key lives, as advice; empty when nowhere.
std::string elsewhere(std::string_view key) {
  for (const SectionSpec& section : config_sections()) {
    if (find_key(section, key) != nullptr) return "; it belongs under " + std::string(section.heading);
  }
  return {};
}

}  // namespace

SectionReader::SectionReader(const SectionSpec& spec, const TomlValue::Table* table, std::string label, int line,
                             ProblemList* problems, std::vector<std::string_view> children)
    : spec_(spec), table_(table), label_(std::move(label)), line_(line), problems_(problems) {
  check_known(std::move(children));
  check_complete();
}

void SectionReader::check_known(std::vector<std::string_view> children) const {
  if (table_ == nullptr) return;
  std::vector<std::string_view> known = children;
  for (const KeySpec& key : spec_.keys) known.push_back(key.key);
  for (const TomlEntry& entry : *table_) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string shown = may_hold_secret(entry.key) ? "" : shown_value(entry.key, entry.value);
    const std::string_view nearest = nearest_name(entry.key, known);
    std::string advice = elsewhere(entry.key);
    if (!nearest.empty()) advice = "; did you mean " + quoted(nearest) + "?";
    if (advice.empty()) advice = "; keys of " + std::string(spec_.heading) + " are " + joined(known);
    problems_->add(entry.line, name_of(entry.key) + shown, "unknown key" + advice);
  }
}

void SectionReader::check_complete() const {
  for (const KeySpec& key : spec_.keys) {
    if (!key.required || given(key.key) != nullptr) continue;
    problems_->add(line_, name_of(key.key), "is missing; add it under " + std::string(spec_.heading));
  }
}

const TomlValue* SectionReader::given(std::string_view key) const {
  if (table_ == nullptr) return nullptr;
  const TomlEntry* entry = find(*table_, key);
  return entry == nullptr ? nullptr : &entry->value;
}

int SectionReader::line(std::string_view key) const {
  const TomlEntry* entry = table_ == nullptr ? nullptr : find(*table_, key);
  return entry == nullptr ? line_ : entry->line;
}

std::string SectionReader::name_of(std::string_view key) const { return label_ + "." + std::string(key); }

void SectionReader::reject(std::string_view key, const std::string& what) const {
  const TomlValue* value = given(key);
  problems_->add(line(key), name_of(key) + (value == nullptr ? "" : shown_value(key, *value)), what);
}

const KeySpec& SectionReader::spec_of(std::string_view key,
                                      [[maybe_unused]] std::initializer_list<KeyKind> kinds) const {
  const KeySpec* spec = find_key(spec_, key);
  assert(spec != nullptr && std::find(kinds.begin(), kinds.end(), spec->kind) != kinds.end());
  return *spec;
}

std::string SectionReader::text(std::string_view key) const {
  const KeySpec& spec = spec_of(key, {KeyKind::kText, KeyKind::kChoice, KeyKind::kEnvName});
  const std::string fallback = spec.fallback.empty() ? "" : *fallback_of(spec).get_if<std::string>();
  const TomlValue* value = given(key);
  if (value == nullptr) return fallback;
  const auto* text = value->get_if<std::string>();
  if (text == nullptr) {
    reject(key, "must be a string in quotes, not " + std::string(kind_name(*value)));
    return fallback;
  }
  if (spec.kind == KeyKind::kChoice && !is_choice(spec.choices, *text)) {
    reject(key, "must be one of " + std::string(spec.choices));
    return fallback;
  }
  if (spec.kind == KeyKind::kEnvName && !is_environment_name(*text)) {
    reject(key,
           "must be the name of an environment variable, like \"WEIR_PASSWORD\", never the secret itself (its value is "
           "not "
           "shown here)");
    return fallback;
  }
  if (text->empty()) {
    reject(key, "must not be empty; leave the key out instead");
    return fallback;
  }
  return *text;
}

bool SectionReader::flag(std::string_view key) const {
  const KeySpec& spec = spec_of(key, {KeyKind::kBool});
  const bool fallback = *fallback_of(spec).get_if<bool>();
  const TomlValue* value = given(key);
  if (value == nullptr) return fallback;
  if (const bool* flag = value->get_if<bool>()) return *flag;
  reject(key, "must be true or false without quotes, not " + std::string(kind_name(*value)));
  return fallback;
}

bool SectionReader::within(const KeySpec& spec, int64_t value, std::optional<int64_t> min,
                           std::optional<int64_t> max) const {
  if ((!min || value >= *min) && (!max || value <= *max)) return true;
  reject(spec.key, "must be between " + std::string(spec.min) + " and " + std::string(spec.max));
  return false;
}

int64_t SectionReader::integer(std::string_view key) const {
  const KeySpec& spec = spec_of(key, {KeyKind::kInteger});
  const int64_t fallback = *fallback_of(spec).get_if<int64_t>();
  const TomlValue* value = given(key);
  if (value == nullptr) return fallback;
  const auto* number = value->get_if<int64_t>();
  if (number == nullptr) {
    reject(key, "must be a whole number without quotes, not " + std::string(kind_name(*value)));
    return fallback;
  }
  const auto limit = [](std::string_view text) { return std::stoll(std::string(text)); };
  return within(spec, *number, limit(spec.min), limit(spec.max)) ? *number : fallback;
}

// `parse`: text -> Result<int64_t>.
template <typename Parse>
int64_t SectionReader::quantity(const KeySpec& spec, const Parse& parse) const {
  const int64_t fallback = spec.fallback.empty() ? 0 : parse(*fallback_of(spec).get_if<std::string>()).value();
  const TomlValue* value = given(spec.key);
  if (value == nullptr) return fallback;
  const auto* text = value->get_if<std::string>();
  const Result<int64_t> number = parse(text == nullptr ? std::string_view() : std::string_view(*text));
  if (!number.ok()) {
    reject(spec.key, number.status().message());
    return fallback;
  }
  return within(spec, *number, parse(spec.min).value(), parse(spec.max).value()) ? *number : fallback;
}

std::chrono::milliseconds SectionReader::duration(std::string_view key) const {
  return std::chrono::milliseconds(
      quantity(spec_of(key, {KeyKind::kDuration}), [](std::string_view text) -> Result<int64_t> {
        WEIR_ASSIGN_OR_RETURN(const std::chrono::milliseconds duration, parse_duration(text));
        return int64_t{duration.count()};
      }));
}

int64_t SectionReader::size(std::string_view key) const { return quantity(spec_of(key, {KeyKind::kSize}), parse_size); }

std::vector<std::string> SectionReader::text_list(std::string_view key) const {
  (void)spec_of(key, {KeyKind::kTextList});
  const TomlValue* value = given(key);
  if (value == nullptr) return {};
  if (const auto* text = value->get_if<std::string>(); text != nullptr && !text->empty()) return {*text};
  const auto* array = value->get_if<TomlValue::Array>();
  std::vector<std::string> texts;
  for (const TomlValue& element : array == nullptr ? TomlValue::Array() : *array) {
    const auto* text = element.get_if<std::string>();
    if (text == nullptr || text->empty()) {
      array = nullptr;
      break;
    }
    texts.push_back(*text);
  }
  if (array == nullptr) {
    reject(key, "must be a list of strings, like [\"a\", \"b\"]");
    return {};
  }
  return texts;
}

void check_section_names(const TomlValue::Table& file, ProblemList* problems) {
  std::vector<std::string_view> known;
  for (const SectionSpec& section : config_sections()) {
    if (section.name.find('.') == std::string_view::npos) known.push_back(section.name);
  }
  for (const TomlEntry& entry : file) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const bool is_section =
        entry.value.get_if<TomlValue::Table>() != nullptr || entry.value.get_if<TomlValue::Array>() != nullptr;
    const std::string_view nearest = nearest_name(entry.key, known);
    std::string advice =
        nearest.empty() ? "; sections are " + joined(known) : "; did you mean [" + std::string(nearest) + "]?";
    if (nearest.empty() && !is_section && !elsewhere(entry.key).empty()) advice = elsewhere(entry.key);
    const std::string shown =
        is_section || may_hold_secret(entry.key) ? entry.key : entry.key + shown_value(entry.key, entry.value);
    problems->add(entry.line, shown, (is_section ? "unknown section" : "unknown key outside any section") + advice);
  }
}

}  // namespace weir
