#include "backfill/job_store.h"

#include <algorithm>
#include <charconv>

#include "lake/lake_layout.h"

namespace weir::backfill {
namespace {

std::string folder(std::string_view table) { return "_weir/jobs/" + lake::path_segment(table); }

std::string path_of(std::string_view table, int64_t number, std::string_view object) {
  return folder(table) + "/" + lake::padded(number) + "/" + std::string(object) + ".json";
}

// `_weir/jobs/<table>/<number>/spec.json` -> number; 0 for every other object.
int64_t number_of_spec(const std::string& path, const std::string& prefix) {
  constexpr size_t kDigits = 20;
  if (path.size() != prefix.size() + 1 + kDigits + std::string_view("/spec.json").size()) return 0;
  if (!path.starts_with(prefix + "/") || !path.ends_with("/spec.json")) return 0;
  int64_t number = 0;
  const char* digits = path.data() + prefix.size() + 1;
  const auto parsed = std::from_chars(digits, digits + kDigits, number);
  return parsed.ec == std::errc() && parsed.ptr == digits + kDigits ? number : 0;
}

Status refuse_second_job(const JobRecord& other, const std::string& file) {
  const std::string command = "weir backfill " + file + " --table " + other.spec.table + " --to clickhouse ";
  return already_exists("backfill " + std::to_string(other.spec.number) + " of table " + other.spec.table + " is " +
                        std::string(to_string(other.state())) +
                        ", and a table has one backfill at a time. Look at it:  " + command +
                        "--list    go on with it:  " + command + "--resume    give it up:  " + command + "--cancel");
}

}  // namespace

Result<JobRecord> JobStore::create(JobSpec spec, const JobControl& control, const std::string& file) const {
  WEIR_ASSIGN_OR_RETURN(const auto newest, last(spec.table));
  if (newest && !has_ended(newest->state())) return refuse_second_job(*newest, file);
  spec.number = newest ? newest->spec.number + 1 : 1;
  const Status put = objects_.put_if_absent(path_of(spec.table, spec.number, "spec"), to_json(spec));
  if (put.code() == StatusCode::kAlreadyExists) {
    // Another command was faster; or this is our own, whose answer was lost on the way.
    WEIR_ASSIGN_OR_RETURN(const JobRecord there, read(spec.table, spec.number));
    if (there.spec != spec) return refuse_second_job(there, file);
  } else if (!put.ok()) {
    return put;
  }
  if (control != JobControl{}) WEIR_RETURN_IF_ERROR(put_control(spec, control));
  return JobRecord{.spec = std::move(spec), .progress = {}, .control = control};
}

Result<std::vector<int64_t>> JobStore::numbers(std::string_view table) const {
  const std::string prefix = folder(table);
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects_.list(prefix));
  std::vector<int64_t> numbers;
  for (const engine::ObjectEntry& entry : entries) {
    if (const int64_t number = number_of_spec(entry.path, prefix); number > 0) numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Result<std::vector<JobRecord>> JobStore::list(std::string_view table) const {
  WEIR_ASSIGN_OR_RETURN(const auto all, numbers(table));
  std::vector<JobRecord> records;
  for (const int64_t number : all) {
    WEIR_ASSIGN_OR_RETURN(JobRecord record, read(table, number));
    records.push_back(std::move(record));
  }
  return records;
}

Result<std::optional<JobRecord>> JobStore::last(std::string_view table) const {
  WEIR_ASSIGN_OR_RETURN(const auto all, numbers(table));
  if (all.empty()) return std::optional<JobRecord>();
  WEIR_ASSIGN_OR_RETURN(JobRecord record, read(table, all.back()));
  return std::optional<JobRecord>(std::move(record));
}

Result<JobRecord> JobStore::read(std::string_view table, int64_t number) const {
  JobRecord record;
  const std::string spec_path = path_of(table, number, "spec");
  WEIR_ASSIGN_OR_RETURN(const std::string spec, objects_.get(spec_path));
  WEIR_ASSIGN_OR_RETURN(record.spec, spec_from_json(spec_path, spec));
  const std::string progress_path = path_of(table, number, "progress");
  if (const auto progress = objects_.get(progress_path); progress.ok()) {
    WEIR_ASSIGN_OR_RETURN(record.progress, progress_from_json(progress_path, *progress));
  } else if (progress.status().code() != StatusCode::kNotFound) {
    return progress.status();
  }
  const std::string control_path = path_of(table, number, "control");
  if (const auto control = objects_.get(control_path); control.ok()) {
    WEIR_ASSIGN_OR_RETURN(record.control, control_from_json(control_path, *control));
  } else if (control.status().code() != StatusCode::kNotFound) {
    return control.status();
  }
  return record;
}

Status JobStore::put_progress(const JobSpec& spec, const JobProgress& progress) const {
  return objects_.put(path_of(spec.table, spec.number, "progress"), to_json(progress));
}

Status JobStore::put_control(const JobSpec& spec, const JobControl& control) const {
  return objects_.put(path_of(spec.table, spec.number, "control"), to_json(control));
}

}  // namespace weir::backfill
