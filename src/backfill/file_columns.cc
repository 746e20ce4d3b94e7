#include "backfill/file_columns.h"

#include <algorithm>

namespace weir::backfill {
namespace {

// At most this many names in a message.
constexpr size_t kNamesMax = 20;

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamesMax); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamesMax) text += ", .. (" + std::to_string(names.size()) + " in all)";
  return text;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

bool needs_value(const InputColumn& column) { return column.required && !column.default_json; }

Status check_column(const InputColumn& column, const std::vector<std::string>& names_in_file, bool* found) {
  *found = true;
  switch (column.from.kind) {
    case ValueSource::Kind::kPayload:
    case ValueSource::Kind::kSubjectToken: return ok_status();
    case ValueSource::Kind::kHeader:
      *found = false;
      if (!needs_value(column)) return ok_status();
      return invalid_argument("column \"" + column.name + "\" is required and comes from \"" + to_string(column.from) +
                              "\", but files have no message headers: give it a default, or another `from`");
    case ValueSource::Kind::kPointer: break;
  }
  const auto names = pointer_names(column.from.text);
  *found = names.empty() || has(names_in_file, names.front());
  if (*found || !needs_value(column)) return ok_status();
  return invalid_argument("has no column \"" + names.front() + "\", which the table's required column \"" + column.name +
                          "\" comes from (it has: " + listed(names_in_file) + ")");
}

}  // namespace

std::vector<std::string> pointer_names(std::string_view pointer) {
  std::vector<std::string> names;
  for (size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      names.emplace_back();
    } else if (pointer[i] == '~' && i + 1 < pointer.size()) {
      names.back().push_back(pointer[++i] == '1' ? '/' : '~');
    } else {
      names.back().push_back(pointer[i]);
    }
  }
  return names;
}

const InputColumn* column_at(const Plan& plan, const std::vector<std::string>& names) {
  for (const InputColumn& column : plan.input) {
    if (column.from.kind == ValueSource::Kind::kPointer && pointer_names(column.from.text) == names) return &column;
  }
  return nullptr;
}

Status check_column_names(const Plan& plan, const std::vector<std::string>& names_in_file,
                          std::vector<std::string>* notes) {
  std::vector<std::string> absent;
  std::vector<std::string> taken;
  bool takes_everything = false;
  for (const InputColumn& column : plan.input) {
    bool found = false;
    WEIR_RETURN_IF_ERROR(check_column(column, names_in_file, &found));
    if (!found) {
      absent.push_back(column.name);
      continue;
    }
    const auto names = column.from.kind == ValueSource::Kind::kPointer ? pointer_names(column.from.text)
                                                                       : std::vector<std::string>();
    if (names.empty()) {
      takes_everything = takes_everything || column.from.kind != ValueSource::Kind::kSubjectToken;
    } else {
      taken.push_back(names.front());
    }
  }
  if (taken.empty() && !takes_everything) {
    return invalid_argument("has none of the table's columns (it has: " + listed(names_in_file) + ")");
  }
  if (!absent.empty()) notes->push_back("not in the file, so NULL or their default: " + listed(absent));
  std::vector<std::string> ignored;
  std::ranges::copy_if(names_in_file, std::back_inserter(ignored),
                       [&](const std::string& name) { return !has(taken, name); });
  if (!ignored.empty() && !takes_everything) notes->push_back("in the file, and no column takes them: " + listed(ignored));
  return ok_status();
}

}  // namespace weir::backfill
