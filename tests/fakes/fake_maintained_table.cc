#include "tests/fakes/fake_maintained_table.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "batch/row_ids.h"
#include "lake/lake_layout.h"
#include "tests/fakes/fake_lake_table.h"
#include "tests/fakes/fake_stream.h"

namespace weir::fakes {
namespace {

using nlohmann::json;

constexpr int kOptimizeAttemptsMax = 3;  // rust/src/maintain.rs, OPTIMIZE_ATTEMPTS_MAX.
constexpr int64_t kHourMs = 3'600'000;
constexpr const char* kPartitionColumn = "part";

int64_t size_of(const LakeFile& file) { return file.rows->num_rows(); }

std::string entry_path(const std::string& table, size_t version) {
  return table + "/_delta_log/" + lake::padded(static_cast<int64_t>(version)) + ".json";
}

std::string checkpoint_path(const std::string& table, size_t version) {
  return table + "/_delta_log/" + lake::padded(static_cast<int64_t>(version)) + ".checkpoint.parquet";
}

// Partitions that [["part","=","3"]] or [["part","in",["3","4"]]] names; empty: all.
std::set<std::string> wanted_partitions(const std::string& filters_json) {
  std::set<std::string> wanted;
  if (filters_json.empty()) return wanted;
  const json filters = json::parse(filters_json);
  const json& value = filters[0][2];
  if (!value.is_array()) return {value.get<std::string>()};
  for (const json& one : value) wanted.insert(one.get<std::string>());
  return wanted;
}

}  // namespace

FakeMaintainedTable::FakeMaintainedTable(LakeState& state, Faults faults, std::string name, LakeDocuments documents)
    : state_(state),
      faults_(std::move(faults)),
      name_(std::move(name)),
      documents_(std::move(documents)),
      objects_(*this) {}

Status FakeMaintainedTable::pass(std::string_view step) const {
  const Fate fate = faults_.fate(step);
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  return fate == Fate::kDone ? ok_status() : unavailable(std::string(step));
}

Status FakeMaintainedTable::pass_quickly(std::string_view step) {
  const int64_t called_ms = state_.now_ms();
  WEIR_RETURN_IF_ERROR(pass(step));
  if (state_.now_ms() - called_ms < state_.standstill_ms) return ok_status();
  ++state_.standstills;
  throw Killed{faults_.process};
}

Result<engine::TableDescription> FakeMaintainedTable::describe(bool with_files) {
  WEIR_RETURN_IF_ERROR(pass("upkeep.describe"));
  const LakeVersion& version = state_.log.back();
  engine::TableDescription described;
  described.version = static_cast<int64_t>(newest());
  if (state_.partition_sequences > 0) described.partition_columns = {kPartitionColumn};
  if (state_.tombstones_kept_ms != std::numeric_limits<int64_t>::max()) {
    described.properties["delta.deletedFileRetentionDuration"] =
        "interval " + std::to_string(state_.tombstones_kept_ms) + " milliseconds";
  }
  described.txns = {version.txns.begin(), version.txns.end()};
  described.files = static_cast<int64_t>(version.files.size());
  for (const FileId id : version.files) {
    if (!with_files) break;
    const LakeFile& file = state_.files[id];
    engine::DataFile data{
        .path = path_of(id), .size_bytes = size_of(file), .rows = size_of(file), .modified_ms = file.written_ms};
    data.partition_values_json = json{{kPartitionColumn, std::to_string(file.partition)}}.dump();
    described.data_files.push_back(std::move(data));
  }
  return described;
}

Result<engine::OptimizeResult> FakeMaintainedTable::optimize(const engine::OptimizeOptions& options) {
  for (int attempt = 1;; ++attempt) {
    auto done = optimize_once(options);
    if (done.status().code() != StatusCode::kConflict || attempt == kOptimizeAttemptsMax) return done;
  }
}

// delta-rs optimize.rs: plans on one version, stamps what it is going to remove, writes, and commits.
Result<engine::OptimizeResult> FakeMaintainedTable::optimize_once(const engine::OptimizeOptions& options) {
  WEIR_RETURN_IF_ERROR(pass("upkeep.plan"));
  const size_t base = newest();
  const std::vector<Bin> planned = bins(base, options);
  if (planned.empty()) return engine::OptimizeResult{.version = static_cast<int64_t>(base)};
  LakeCommit commit{.added = {}, .removed = {}, .data_change = false, .txns = {}};
  for (const Bin& bin : planned) {
    for (const FileId file : bin) commit.removed[file] = state_.now_ms();
    WEIR_RETURN_IF_ERROR(pass("upkeep.rewrite"));
    std::vector<RowId> ids;
    for (const FileId file : bin) {
      if (!state_.files[file].there) return not_read(file, commit);
      WEIR_ASSIGN_OR_RETURN(const auto some, row_ids(*state_.files[file].rows));
      ids.insert(ids.end(), some.begin(), some.end());
    }
    commit.added.push_back(state_.write_one(rows_of(ids), state_.files[bin.front()].partition));
  }
  const Status landed = commit_or_not(state_, faults_, "upkeep.commit", base, commit);
  if (landed.code() == StatusCode::kConflict) ++state_.rewrites_refused;
  WEIR_RETURN_IF_ERROR(landed);
  return engine::OptimizeResult{.version = static_cast<int64_t>(newest()),
                                .files_added = static_cast<int64_t>(commit.added.size()),
                                .files_removed = static_cast<int64_t>(commit.removed.size())};
}

// Only what stood still since it planned can meet a vacuum's work.
Status FakeMaintainedTable::not_read(FileId file, const LakeCommit& commit) const {
  if (!state_.stale(commit)) return not_found("data file " + path_of(file));
  ++state_.standstills;
  throw Killed{faults_.process};
}

// delta-rs optimize.rs, plan_compaction_bins_in_stable_order: neighbours up to the target together, newest first; alone
// stays what has none.
std::vector<FakeMaintainedTable::Bin> FakeMaintainedTable::bins(size_t version,
                                                                const engine::OptimizeOptions& options) const {
  const auto wanted = wanted_partitions(options.partition_filters_json);
  std::map<int64_t, std::vector<FileId>, std::less<>> partitions;
  const auto& files = state_.log[version].files;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const int64_t partition = state_.files[*file].partition;
    if (wanted.empty() || wanted.contains(std::to_string(partition))) partitions[partition].push_back(*file);
  }
  std::vector<Bin> all;
  for (const auto& [partition, members] : partitions) {
    Bin bin;
    int64_t bin_bytes = 0;
    const auto close = [&] {
      if (bin.size() > 1) all.push_back(bin);
      bin.clear();
      bin_bytes = 0;
    };
    for (const FileId file : members) {
      const int64_t bytes = size_of(state_.files[file]);
      if (options.target_file_bytes > 0 && bytes > options.target_file_bytes) {
        close();
        continue;
      }
      if (options.target_file_bytes > 0 && bin_bytes + bytes > options.target_file_bytes) close();
      bin.push_back(file);
      bin_bytes += bytes;
    }
    close();
  }
  return all;
}

Result<int64_t> FakeMaintainedTable::checkpoint() {
  const size_t version = newest();
  WEIR_RETURN_IF_ERROR(pass("upkeep.checkpoint"));
  state_.checkpoint(version);
  return static_cast<int64_t>(version);
}

// delta-rs vacuum.rs in full mode: what the newest version does not refer to and remembers to have been removed before
// the retention; and what it has never heard of and is older than that.
std::vector<FileId> FakeMaintainedTable::unneeded_files(int64_t retention_ms) const {
  const auto tombstones = state_.tombstones();
  const auto& active = state_.log.back().files;
  const int64_t kept_since = state_.now_ms() - retention_ms;
  std::vector<FileId> unneeded;
  for (const auto& [file, stamp] : tombstones) {
    if (stamp < kept_since && !active.contains(file)) unneeded.push_back(file);
  }
  for (FileId file = 0; file < state_.files.size(); ++file) {
    if (!state_.files[file].there || active.contains(file) || tombstones.contains(file)) continue;
    if (state_.files[file].written_ms <= kept_since) unneeded.push_back(file);
  }
  return unneeded;
}

Result<std::vector<std::string>> FakeMaintainedTable::vacuum(const engine::VacuumOptions& options) {
  WEIR_RETURN_IF_ERROR(pass_quickly("upkeep.vacuum"));
  std::vector<std::string> names;
  const auto unneeded = unneeded_files(options.retention_hours.value_or(0) * kHourMs);
  for (const FileId file : unneeded) names.push_back(path_of(file));
  if (options.dry_run || unneeded.empty()) return names;
  // A commit that says so at the begin and at the end; each may lose to nobody, as neither carries anything.
  WEIR_RETURN_IF_ERROR(
      commit_or_not(state_, faults_, "upkeep.vacuum_start", newest(), {.added = {}, .removed = {}, .txns = {}}));
  for (const FileId file : unneeded) {
    WEIR_RETURN_IF_ERROR(pass("upkeep.delete"));
    state_.deletions += state_.files[file].there ? 1 : 0;
    state_.files[file].there = false;
  }
  WEIR_RETURN_IF_ERROR(
      commit_or_not(state_, faults_, "upkeep.vacuum_end", newest(), {.added = {}, .removed = {}, .txns = {}}));
  return names;
}

// rust/src/log.rs, unneeded_since.
std::vector<size_t> FakeMaintainedTable::unneeded_versions(int64_t retention_ms) const {
  const int64_t time_ms = state_.now_ms() - retention_ms;
  std::optional<size_t> oldest_needed;
  for (size_t v = 0; v < state_.log.size(); ++v) {
    if (state_.log[v].entry_there && state_.log[v].committed_ms <= time_ms) oldest_needed = v;
  }
  if (!oldest_needed) return {};
  size_t kept = *oldest_needed;
  while (kept > 0 && !state_.log[kept].checkpoint_ms) --kept;
  std::vector<size_t> unneeded;
  for (size_t v = 0; v < kept; ++v) {
    if (state_.log[v].entry_there || state_.log[v].checkpoint_ms) unneeded.push_back(v);
  }
  return unneeded;
}

Result<std::vector<std::string>> FakeMaintainedTable::clean_log(const engine::CleanLogOptions& options) {
  WEIR_RETURN_IF_ERROR(pass_quickly("upkeep.list_log"));
  std::vector<std::string> names;
  for (const size_t version : unneeded_versions(options.retention_hours.value_or(0) * kHourMs)) {
    if (!options.dry_run) WEIR_RETURN_IF_ERROR(pass("upkeep.delete_entry"));
    LakeVersion& entry = state_.log[version];
    if (entry.checkpoint_ms) names.push_back(checkpoint_path(name_, version));
    if (entry.entry_there) names.push_back(entry_path(name_, version));
    if (options.dry_run) continue;
    ++state_.deletions;
    entry.entry_there = false;
    entry.checkpoint_ms.reset();
  }
  return names;
}

std::vector<maintain::StagedFile> FakeMaintainedTable::staged(std::chrono::milliseconds age) {
  std::vector<maintain::StagedFile> found;
  for (const auto& [name, written_ms] : state_.staged) {
    if (written_ms <= state_.now_ms() - age.count()) found.push_back({.path = name, .size_bytes = 1});
  }
  return found;
}

Status FakeMaintainedTable::remove_staged(const std::vector<maintain::StagedFile>& files) {
  for (const maintain::StagedFile& file : files) {
    WEIR_RETURN_IF_ERROR(pass("upkeep.remove_staged"));
    state_.staged.erase(file.path.string());
  }
  return ok_status();
}

std::map<std::string, int64_t> FakeMaintainedTable::sizes() const {
  std::map<std::string, int64_t> objects;
  for (FileId file = 0; file < state_.files.size(); ++file) {
    if (state_.files[file].there) objects[name_ + "/" + path_of(file)] = size_of(state_.files[file]);
  }
  for (size_t v = 0; v < state_.log.size(); ++v) {
    if (state_.log[v].entry_there) objects[entry_path(name_, v)] = 1;
    if (state_.log[v].checkpoint_ms) objects[checkpoint_path(name_, v)] = 1;
  }
  for (const auto& [path, text] : documents_()) objects[path] = static_cast<int64_t>(text.size());
  return objects;
}

Result<std::vector<engine::ObjectEntry>> FakeMaintainedTable::Objects::list(const std::string& prefix) const {
  WEIR_RETURN_IF_ERROR(table_.pass("upkeep.list"));
  std::vector<engine::ObjectEntry> entries;
  for (const auto& [path, size_bytes] : table_.sizes()) {
    if (path.starts_with(prefix + "/")) entries.push_back({.path = path, .size_bytes = size_bytes});
  }
  return entries;
}

Result<std::string> FakeMaintainedTable::Objects::get(const std::string& path) const {
  WEIR_RETURN_IF_ERROR(table_.pass("upkeep.get"));
  const auto documents = table_.documents_();
  if (const auto found = documents.find(path); found != documents.end()) return found->second;
  for (size_t v = 0; v < table_.state_.log.size(); ++v) {
    const LakeVersion& version = table_.state_.log[v];
    if (version.entry_there && path == entry_path(table_.name_, v)) {
      return json{{"commitInfo", {{"timestamp", version.committed_ms}}}}.dump();
    }
  }
  return not_found(path);
}

}  // namespace weir::fakes
