#include "lake/file_registry.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "lake/lake_layout.h"

namespace weir::lake {
namespace {

using nlohmann::json;

std::string record_path(std::string_view table, const std::string& digest) {
  return file_folder(table) + "/" + path_segment(digest) + ".json";
}

std::string done_folder(std::string_view table) { return file_folder(table) + "/done"; }
std::string shard_folder(std::string_view table) { return file_folder(table) + "/shards"; }

std::string done_path(std::string_view table, const std::string& digest) {
  return done_folder(table) + "/" + path_segment(digest) + ".json";
}

std::string record_json(const FileRecord& file) {
  const json object = {{"digest", file.digest},         {"path", file.path},   {"format", file.format},
                       {"size_bytes", file.size_bytes}, {"shard", file.shard}, {"time_us", file.time_us}};
  // A path may hold any bytes; it is only shown.
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<FileRecord> parse_record(const std::string& path, const std::string& text) {
  try {
    const json object = json::parse(text);
    return FileRecord{.digest = object.at("digest").get<std::string>(),
                      .path = object.at("path").get<std::string>(),
                      .format = object.at("format").get<std::string>(),
                      .size_bytes = object.at("size_bytes").get<int64_t>(),
                      .shard = object.at("shard").get<int32_t>(),
                      .time_us = object.at("time_us").get<int64_t>()};
  } catch (const json::exception& e) {
    return data_loss(path + " cannot be read: " + e.what());
  }
}

std::string outcome_json(const FileOutcome& outcome) {
  return json{{"rows_read", outcome.rows_read},
              {"rows", outcome.rows},
              {"filtered", outcome.filtered},
              {"dead_letters", outcome.dead_letters},
              {"finished_us", outcome.finished_us}}
      .dump();
}

Result<FileOutcome> parse_outcome(const std::string& path, const std::string& text) {
  try {
    const json object = json::parse(text);
    return FileOutcome{.rows_read = object.at("rows_read").get<int64_t>(),
                       .rows = object.at("rows").get<int64_t>(),
                       .filtered = object.at("filtered").get<int64_t>(),
                       .dead_letters = object.at("dead_letters").get<int64_t>(),
                       .finished_us = object.at("finished_us").get<int64_t>()};
  } catch (const json::exception& e) {
    return data_loss(path + " cannot be read: " + e.what());
  }
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Result<FileRecord> FileRegistry::find(std::string_view table, const std::string& digest) const {
  const std::string path = record_path(table, digest);
  WEIR_ASSIGN_OR_RETURN(const std::string text, objects_.get(path));
  return parse_record(path, text);
}

Result<FileRecord> FileRegistry::add(std::string_view table, FileRecord file) const {
  auto known = find(table, file.digest);
  if (known.ok() || known.status().code() != StatusCode::kNotFound) return known;
  WEIR_ASSIGN_OR_RETURN(file.shard, claim_shard(table, file.digest));
  const Status put = objects_.put_if_absent(record_path(table, file.digest), record_json(file));
  // Whoever stored it first decides; a number that was claimed in vain names no rows.
  if (!put.ok() && put.code() != StatusCode::kAlreadyExists) return put;
  return find(table, file.digest);
}

// Begins with the newest number, so that a claim whose record was not written (a crash in between) is used again.
Result<int32_t> FileRegistry::claim_shard(std::string_view table, const std::string& digest) const {
  WEIR_ASSIGN_OR_RETURN(const auto claims, objects_.list(shard_folder(table)));
  int64_t number = 1;
  if (!claims.empty()) number = std::max<int64_t>(1, std::atoll(last_part(claims.back().path).c_str()));
  for (; number <= std::numeric_limits<int32_t>::max(); ++number) {
    const std::string path = shard_folder(table) + "/" + padded(number) + ".json";
    const std::string claim = json{{"digest", digest}}.dump();
    const Status put = objects_.put_if_absent(path, claim);
    if (put.ok()) return static_cast<int32_t>(-number);
    if (put.code() != StatusCode::kAlreadyExists) return put;
    WEIR_ASSIGN_OR_RETURN(const std::string there, objects_.get(path));
    if (there == claim) return static_cast<int32_t>(-number);
  }
  return resource_exhausted("table " + std::string(table) + " has no number left for another file");
}

Status FileRegistry::finish(std::string_view table, const std::string& digest, const FileOutcome& outcome) const {
  const Status put = objects_.put_if_absent(done_path(table, digest), outcome_json(outcome));
  return put.code() == StatusCode::kAlreadyExists ? ok_status() : put;
}

Result<FileOutcome> FileRegistry::outcome(std::string_view table, const std::string& digest) const {
  const std::string path = done_path(table, digest);
  WEIR_ASSIGN_OR_RETURN(const std::string text, objects_.get(path));
  return parse_outcome(path, text);
}

Result<std::vector<FileRecord>> FileRegistry::unfinished(std::string_view table) const {
  const std::string folder = file_folder(table);
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects_.list(folder));
  std::set<std::string> done;
  std::vector<std::string> records;
  for (const engine::ObjectEntry& entry : entries) {
    if (entry.path.starts_with(done_folder(table) + "/")) {
      done.insert(last_part(entry.path));
    } else if (entry.path == folder + "/" + last_part(entry.path)) {
      records.push_back(entry.path);
    }
  }
  std::vector<FileRecord> files;
  for (const std::string& path : records) {
    if (done.contains(last_part(path))) continue;
    WEIR_ASSIGN_OR_RETURN(const std::string text, objects_.get(path));
    WEIR_ASSIGN_OR_RETURN(FileRecord file, parse_record(path, text));
    files.push_back(std::move(file));
  }
  std::ranges::sort(files, std::greater<>(), &FileRecord::shard);
  return files;
}

}  // namespace weir::lake
