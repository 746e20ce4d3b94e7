#include "maintain/compaction_plan.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace weir::maintain {
namespace {

using nlohmann::json;

// Values in the order of the table's partition columns; empty: null.
using PartitionKey = std::vector<std::optional<std::string>>;

struct PartitionFiles {
  int64_t below_target = 0;
  int64_t below_target_bytes = 0;
  int64_t settled_small = 0;
  bool closed = true;
};

Result<PartitionKey> key_of(const engine::DataFile& file, const std::vector<std::string>& columns) {
  PartitionKey key;
  if (columns.empty()) return key;
  const json values = json::parse(file.partition_values_json, nullptr, /*allow_exceptions=*/false);
  for (const std::string& column : columns) {
    const auto value = values.is_object() ? values.find(column) : values.end();
    if (!values.is_object() || value == values.end() || !(value->is_string() || value->is_null())) {
      return internal_error("file " + file.path + " has partition values " + file.partition_values_json +
                            ", which lack a text for " + column);
    }
    key.push_back(value->is_null() ? std::nullopt : std::optional(value->get<std::string>()));
  }
  return key;
}

std::string name_of(const PartitionKey& key, const std::vector<std::string>& columns) {
  std::string name;
  for (size_t i = 0; i < columns.size(); ++i) {
    name += (name.empty() ? "" : "/") + columns[i] + "=" + key[i].value_or("null");
  }
  return name;
}

// Delta writes null as the empty text.
json equals(const std::string& column, const std::optional<std::string>& value) {
  return json::array({column, "=", value.value_or("")});
}

// Joins partitions into pieces. Only values of a single column can be listed in one filter; and null only by itself.
class PieceBuilder {
 public:
  PieceBuilder(const std::vector<std::string>& columns, const CompactionRules& rules) : columns_(columns), rules_(rules) {}

  void add(const PartitionKey& key, const PartitionFiles& files) {
    const bool joinable = columns_.size() == 1 && key[0].has_value();
    const bool full = static_cast<int32_t>(values_.size()) >= rules_.partitions_per_piece ||
                      piece_.bytes + files.below_target_bytes > rules_.bytes_per_piece;
    if (!joinable || full) flush();
    piece_.files += files.below_target;
    piece_.bytes += files.below_target_bytes;
    if (!columns_.empty()) piece_.partitions.push_back(name_of(key, columns_));
    if (joinable) {
      values_.push_back(*key[0]);
      return;
    }
    json filters = json::array();
    for (size_t i = 0; i < columns_.size(); ++i) filters.push_back(equals(columns_[i], key[i]));
    if (!columns_.empty()) piece_.partition_filters_json = filters.dump();
    emit();
  }

  std::vector<CompactionPiece> take() {
    flush();
    return std::move(pieces_);
  }

 private:
  void flush() {
    if (values_.empty()) return;
    piece_.partition_filters_json = json::array({json::array({columns_[0], "in", values_})}).dump();
    emit();
  }

  void emit() {
    pieces_.push_back(std::exchange(piece_, {}));
    values_.clear();
  }

  const std::vector<std::string>& columns_;
  const CompactionRules& rules_;
  std::vector<CompactionPiece> pieces_;
  CompactionPiece piece_;
  std::vector<std::string> values_;
};

bool worth_it(const PartitionFiles& files, const CompactionRules& rules) {
  return files.settled_small >= (files.closed ? rules.small_files_min : rules.open_small_files_min);
}

}  // namespace

Result<CompactionPlan> plan_compaction(const engine::TableDescription& table, const CompactionRules& rules,
                                       int64_t now_ms) {
  std::map<PartitionKey, PartitionFiles> partitions;
  const int64_t settled_before = now_ms - rules.closed_after.count();
  for (const engine::DataFile& file : table.data_files) {
    WEIR_ASSIGN_OR_RETURN(const PartitionKey key, key_of(file, table.partition_columns));
    PartitionFiles& files = partitions[key];
    const bool settled = file.modified_ms <= settled_before;
    files.closed = files.closed && settled;
    if (settled && file.size_bytes < rules.target_file_bytes / 2) ++files.settled_small;
    if (file.size_bytes >= rules.target_file_bytes) continue;
    ++files.below_target;
    files.below_target_bytes += file.size_bytes;
  }
  CompactionPlan plan;
  PieceBuilder pieces(table.partition_columns, rules);
  for (const auto& [key, files] : partitions) {
    if (!worth_it(files, rules)) continue;
    if (rules.partition_bytes_max && files.below_target_bytes > *rules.partition_bytes_max) {
      plan.too_large.push_back(table.partition_columns.empty() ? "the whole table" : name_of(key, table.partition_columns));
      continue;
    }
    pieces.add(key, files);
  }
  plan.pieces = pieces.take();
  return plan;
}

}  // namespace weir::maintain
