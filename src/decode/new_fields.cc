#include "decode/new_fields.h"

#include <algorithm>
#include <utility>

#include "decode/json_number.h"
#include "decode/json_string.h"
#include "schema/plan_evolution.h"

namespace weir {
namespace {

// A stream of ever new names must not fill the memory; what goes beyond is ignored without a word.
constexpr size_t kIgnoredNamesMax = 1'000;
constexpr size_t kNameBytesShown = 128;

TypeKind kind_of_number(std::string_view text) {
  JsonNumber number;
  if (!scan_json_number(text, &number)) return TypeKind::kJson;
  int64_t integer = 0;
  if (number.integral && to_integer(number, &integer) == RejectCode::kNone) return TypeKind::kInt64;
  double real = 0;
  return to_float(number, &real) == RejectCode::kNone ? TypeKind::kFloat64 : TypeKind::kJson;
}

TypeKind kind_of(std::string_view value) {
  switch (value.front()) {
    case 't':
    case 'f': return TypeKind::kBool;
    case '"': return TypeKind::kString;
    case '{':
    case '[': return TypeKind::kJson;
    default: return kind_of_number(value);
  }
}

}  // namespace

void NewFields::note(std::string_view name, std::string_view value) {
  if (value == "null" || ignored_names_.contains(name)) return;
  of_event_.push_back({std::string(name), kind_of(value)});
}

void NewFields::keep(Seq seq) {
  for (const Noted& field : of_event_) {
    const auto asks = [&](const NewField& kept) { return kept.column.name == field.name; };
    if (std::ranges::any_of(kept_, asks)) continue;
    auto column = column_of_field(plan_, field.name, field.kind);
    if (!column.ok()) {
      ignore(field.name, column.status().message());
    } else if (static_cast<int>(kept_.size()) >= columns_max_) {
      ignore(field.name, "the table has got its " + std::to_string(kAddedColumnsMax) +
                             " columns from events; add this one to the pipeline file");
    } else {
      kept_.push_back({seq, std::move(*column)});
    }
  }
  of_event_.clear();
}

void NewFields::ignore(const std::string& name, std::string reason) {
  if (ignored_names_.size() >= kIgnoredNamesMax) return;
  ignored_names_.insert(name);
  ignored_.push_back({excerpt(name, kNameBytesShown), std::move(reason)});
}

std::vector<NewField> NewFields::take_new() { return std::exchange(kept_, {}); }

std::vector<IgnoredField> NewFields::take_ignored() { return std::exchange(ignored_, {}); }

}  // namespace weir
