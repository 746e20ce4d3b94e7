#include "backfill/hot_plan.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/digest.h"
#include "engine/query.h"
#include "schema/table_schema.h"

namespace weir::backfill {
namespace {

using nlohmann::json;

/// What the log says of one file.
struct FileFacts {
  const engine::DataFile* file = nullptr;
  std::map<std::string, std::string> partition;
  std::optional<int64_t> min_shard;
  std::optional<int64_t> min_seq;
  std::optional<int64_t> max_seq;
  std::string max_time;  // As Delta writes it: 2013-01-31T00:00:00.000Z; empty when unknown.
};

std::optional<int64_t> bound(const json& stats, const char* bounds, std::string_view column) {
  const auto values = stats.find(bounds);
  if (values == stats.end() || !values->is_object()) return std::nullopt;
  const auto value = values->find(std::string(column));
  if (value == values->end() || !value->is_number_integer()) return std::nullopt;
  return value->get<int64_t>();
}

Result<FileFacts> facts_of(const engine::DataFile& file) {
  FileFacts facts{.file = &file, .partition = {}, .min_shard = {}, .min_seq = {}, .max_seq = {}, .max_time = {}};
  try {
    if (!file.partition_values_json.empty()) {
      const json values = json::parse(file.partition_values_json);
      for (const auto& [column, value] : values.items()) {
        if (value.is_string()) facts.partition[column] = value.get<std::string>();
      }
    }
    if (file.stats_json.empty()) return facts;
    const json stats = json::parse(file.stats_json);
    facts.min_shard = bound(stats, "minValues", kShardColumn);
    facts.min_seq = bound(stats, "minValues", kSeqColumn);
    facts.max_seq = bound(stats, "maxValues", kSeqColumn);
    if (const auto highest = stats.find("maxValues"); highest != stats.end() && highest->is_object()) {
      const auto time = highest->find(std::string(kTimeColumn));
      if (time != highest->end() && time->is_string()) facts.max_time = time->get<std::string>();
    }
  } catch (const json::exception& e) {
    return data_loss("the log's entry for " + file.path + " cannot be read: " + e.what());
  }
  return facts;
}

// "2013-01-31T00:00:00", which compares as the times do.
std::string second_text(int64_t time_us) {
  const std::time_t seconds = time_us / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  return text.data();
}

bool in_partitions(const FileFacts& facts, const std::vector<PartitionValue>& wanted) {
  return std::ranges::all_of(wanted, [&](const PartitionValue& one) {
    return std::ranges::any_of(wanted, [&](const PartitionValue& other) {
      const auto there = facts.partition.find(other.column);
      return other.column == one.column && there != facts.partition.end() && there->second == other.value;
    });
  });
}

// Statistics may only leave out what surely has no row for the job.
bool may_have_rows(const FileFacts& facts, const JobSpec& spec, Seq hand_over) {
  if (!in_partitions(facts, spec.partitions)) return false;
  const bool only_events = facts.min_shard && *facts.min_shard >= 0;
  if (only_events && facts.min_seq && Seq{*facts.min_seq} > hand_over) return false;
  constexpr size_t kSecondLength = 19;
  if (spec.keep_from_us && facts.max_time.size() >= kSecondLength && facts.max_time.ends_with('Z')) {
    // A whole second earlier, whatever the statistics did with fractions.
    if (facts.max_time.substr(0, kSecondLength) < second_text(*spec.keep_from_us)) return false;
  }
  return true;
}

std::string listed(const std::set<std::string>& values) {
  constexpr size_t kShown = 20;
  std::string text;
  size_t shown = 0;
  // The last ones are the newest where the partition is a date.
  for (auto value = values.rbegin(); value != values.rend() && shown < kShown; ++value, ++shown) {
    text += (shown == 0 ? "" : ", ") + *value;
  }
  if (values.size() > kShown) text += " and " + std::to_string(values.size() - kShown) + " more";
  return text;
}

Status check_partitions(const std::vector<std::string>& columns, const std::vector<FileFacts>& files,
                        const std::vector<PartitionValue>& wanted) {
  for (const PartitionValue& one : wanted) {
    if (std::ranges::find(columns, one.column) == columns.end()) {
      std::string known;
      for (const std::string& column : columns) known += (known.empty() ? "" : ", ") + column;
      return invalid_argument("--partition " + one.column + "=" + one.value + ": the table " +
                              (known.empty() ? "is not partitioned; use --where" : "is partitioned by " + known));
    }
    std::set<std::string> there;
    for (const FileFacts& facts : files) {
      if (const auto value = facts.partition.find(one.column); value != facts.partition.end())
        there.insert(value->second);
    }
    if (there.contains(one.value)) continue;
    return invalid_argument("--partition " + one.column + "=" + one.value +
                            ": the lake has no such partition; it has " +
                            (there.empty() ? "no rows at all" : listed(there)));
  }
  return ok_status();
}

/// Files of one partition, in the order in which the job takes them.
using Partition = std::vector<FileFacts>;

// A file without statistics comes last: nothing says that it is new.
int64_t age_key(const FileFacts& facts, UnitOrder order) {
  const int64_t seq = facts.min_shard.value_or(-1) >= 0 ? facts.max_seq.value_or(0) : 0;
  return order == UnitOrder::kNewestFirst ? -seq : seq;
}

void sort_files(std::vector<FileFacts>& files, UnitOrder order) {
  std::ranges::sort(files, {}, [&](const FileFacts& facts) {
    return std::pair(age_key(facts, order), std::string_view(facts.file->path));
  });
}

void add_units(const Partition& files, const HotUnitLimits& limits, std::vector<std::pair<FileFacts, HotUnit>>* units) {
  std::optional<FileFacts> first;
  HotUnit unit;
  const auto close = [&] {
    if (first) units->emplace_back(*first, std::move(unit));
    first.reset();
    unit = HotUnit{};
  };
  for (const FileFacts& facts : files) {
    const int64_t rows = facts.file->rows.value_or(0);
    const bool full = unit.rows + rows > limits.rows_max || unit.bytes + facts.file->size_bytes > limits.bytes_max ||
                      static_cast<int64_t>(unit.files.size()) >= limits.files_max;
    if (first && full) close();
    if (!first) first = facts;
    unit.files.push_back(facts.file->path);
    unit.rows += rows;
    unit.bytes += facts.file->size_bytes;
  }
  close();
}

std::string name_in_sql(std::string_view name) { return "\"" + std::string(name) + "\""; }

std::string relation(const JobSpec& spec) { return std::string(kJobRelation) + " AS " + name_in_sql(spec.table); }

}  // namespace

std::string HotPlan::digest() const {
  std::string text;
  for (const HotUnit& unit : units) {
    for (const std::string& file : unit.files) text += file + "\n";
    text += "\n";
  }
  return digest_hex(text);
}

Result<HotPlan> plan_units(const engine::TableDescription& table, const JobSpec& spec, Seq hand_over,
                           const HotUnitLimits& limits) {
  std::vector<FileFacts> files;
  for (const engine::DataFile& file : table.data_files) {
    WEIR_ASSIGN_OR_RETURN(FileFacts facts, facts_of(file));
    files.push_back(std::move(facts));
  }
  WEIR_RETURN_IF_ERROR(check_partitions(table.partition_columns, files, spec.partitions));
  std::map<std::map<std::string, std::string>, Partition> partitions;
  HotPlan plan;
  for (const FileFacts& facts : files) {
    if (!may_have_rows(facts, spec, hand_over)) {
      ++plan.files_left_out;
      continue;
    }
    partitions[facts.partition].push_back(facts);
    ++plan.files;
    plan.rows += facts.file->rows.value_or(0);
    plan.bytes += facts.file->size_bytes;
  }
  std::vector<std::pair<FileFacts, HotUnit>> units;
  for (auto& [values, of_partition] : partitions) {
    sort_files(of_partition, spec.order);
    add_units(of_partition, limits, &units);
  }
  std::ranges::sort(units, {}, [&](const auto& unit) {
    return std::pair(age_key(unit.first, spec.order), std::string_view(unit.first.file->path));
  });
  for (auto& [first, unit] : units) plan.units.push_back(std::move(unit));
  return plan;
}

Result<std::set<std::string>> columns_of(const engine::TableDescription& table) {
  try {
    std::set<std::string> columns;
    const json schema = json::parse(table.schema_json);
    for (const json& field : schema.at("fields")) columns.insert(field.at("name").get<std::string>());
    return columns;
  } catch (const json::exception& e) {
    return data_loss("the schema of version " + std::to_string(table.version) + " cannot be read: " + e.what());
  }
}

std::string from_where_sql(const JobSpec& spec, Seq hand_over) {
  std::string sql = " FROM " + relation(spec) + " WHERE (" + name_in_sql(kShardColumn) + " < 0 OR " +
                    name_in_sql(kSeqColumn) + " <= " + to_string(hand_over) + ")";
  if (spec.keep_from_us) {
    sql += " AND " + name_in_sql(kTimeColumn) + " >= arrow_cast(" + std::to_string(*spec.keep_from_us) +
           ", 'Timestamp(Microsecond, Some(\"UTC\"))')";
  }
  // The line end keeps a comment at the predicate's end from swallowing the parenthesis.
  if (!spec.where.empty()) sql += " AND (" + spec.where + "\n)";
  return sql;
}

Status check_predicate(const engine::Engine& engine, const engine::Snapshot& snapshot, const JobSpec& spec) {
  if (spec.where.empty()) return ok_status();
  const std::string context = "--where \"" + spec.where + "\" is not a predicate on one row of table " + spec.table;
  const std::vector<engine::QueryTable> tables = {{.name = std::string(kJobRelation), .snapshot = &snapshot}};
  const auto ask = [&](const std::string& sql) { return engine::query(engine, tables, sql); };
  // Once in parentheses and once without: a text that closes ours and opens its own fits only one of them. With a row
  // to ask for, because a query for none is not planned to the end, which is where window functions are refused.
  for (const std::string& sql :
       {"SELECT (" + spec.where + "\n) AS holds FROM " + relation(spec) + " WHERE (" + spec.where + "\n) LIMIT 1",
        "SELECT CASE WHEN " + spec.where + "\nTHEN TRUE ELSE FALSE END AS holds FROM " + relation(spec) + " LIMIT 1"}) {
    const auto answer = ask(sql);
    if (!answer.ok()) {
      if (answer.status().code() != StatusCode::kInvalidArgument) return answer.status();
      return invalid_argument(context + ": " + answer.status().message());
    }
    const auto type = (*answer)->schema()->field(0)->type();
    if (type->id() != arrow::Type::BOOL) return invalid_argument(context + ": it is of type " + type->ToString());
  }
  return ok_status();
}

}  // namespace weir::backfill
