#include "backfill/job.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace weir::backfill {
namespace {

using nlohmann::json;

template <typename E>
struct Name {
  E value;
  std::string_view text;
};

constexpr std::array kStates = {Name{JobState::kPending, "pending"},     Name{JobState::kRunning, "running"},
                                Name{JobState::kPaused, "paused"},       Name{JobState::kDone, "done"},
                                Name{JobState::kCancelled, "cancelled"}, Name{JobState::kFailed, "failed"}};
constexpr std::array kOrders = {Name{UnitOrder::kNewestFirst, "newest_first"},
                                Name{UnitOrder::kOldestFirst, "oldest_first"}};
constexpr std::array kWishes = {Name{JobWish::kRun, "run"}, Name{JobWish::kPause, "pause"},
                                Name{JobWish::kCancel, "cancel"}};

template <typename Names, typename E>
std::string_view name_of(const Names& names, E value) {
  return std::ranges::find(names, value, [](const auto& name) { return name.value; })->text;
}

// Throws what nlohmann throws, so that a bad name is one more way of being malformed.
template <typename Names>
auto named(const Names& names, const json& text) {
  const auto name = text.get<std::string>();
  const auto found = std::ranges::find(names, name, [](const auto& known) { return known.text; });
  if (found == names.end()) throw json::other_error::create(501, "\"" + name + "\" is not known", &text);
  return found->value;
}

int32_t shard_of(const std::string& text) {
  int32_t shard = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), shard);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return shard;
  throw json::other_error::create(501, "\"" + text + "\" is not a shard", nullptr);
}

// Errors quote peers: bytes that are no UTF-8 are replaced, never a reason to fail.
std::string dump(const json& object) { return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }

template <typename T, typename Read>
Result<T> parse(const std::string& path, std::string_view text, const Read& read) {
  try {
    T value;
    read(json::parse(text), &value);
    return value;
  } catch (const json::exception& e) {
    return data_loss(path + " cannot be read: " + e.what());
  }
}

void read_spec(const json& object, JobSpec* spec) {
  spec->number = object.at("job").get<int64_t>();
  spec->table = object.at("table").get<std::string>();
  spec->where = object.at("where").get<std::string>();
  for (const json& partition : object.at("partitions")) {
    spec->partitions.push_back({partition.at("column").get<std::string>(), partition.at("value").get<std::string>()});
  }
  spec->order = named(kOrders, object.at("order"));
  spec->parallelism = object.at("parallelism").get<int32_t>();
  spec->skip_ahead = object.at("skip_ahead").get<bool>();
  if (const json& from = object.at("keep_from_us"); !from.is_null()) spec->keep_from_us = from.get<int64_t>();
  spec->created_us = object.at("created_us").get<int64_t>();
}

void read_progress(const json& object, JobProgress* progress) {
  progress->state = named(kStates, object.at("state"));
  progress->epoch = Epoch{object.at("epoch").get<int64_t>()};
  progress->holder = object.at("holder").get<std::string>();
  if (const json& version = object.at("pinned_version"); !version.is_null()) {
    JobPin pin{.version = version.get<int64_t>(),
               .upper = {},
               .clickhouse_uuid = object.at("clickhouse_uuid").get<std::string>(),
               .hot_start = Seq{object.at("hot_start").get<int64_t>()},
               .units_digest = object.at("units_digest").get<std::string>()};
    for (const auto& [shard, upper] : object.at("upper").items()) {
      pin.upper[shard_of(shard)] = Seq{upper.get<int64_t>()};
    }
    progress->pin = std::move(pin);
  }
  for (const json& range : object.at("units_done")) {
    progress->done.add(range.at(0).get<int64_t>(), range.at(1).get<int64_t>());
  }
  progress->units_total = object.at("units_total").get<int64_t>();
  progress->files_total = object.at("files_total").get<int64_t>();
  progress->rows_total = object.at("rows_total").get<int64_t>();
  progress->bytes_total = object.at("bytes_total").get<int64_t>();
  progress->rows = object.at("rows").get<int64_t>();
  progress->rows_in_work = object.at("rows_in_work").get<int64_t>();
  progress->rows_left_out = object.at("rows_left_out").get<int64_t>();
  progress->bytes = object.at("bytes").get<int64_t>();
  progress->started_us = object.at("started_us").get<int64_t>();
  progress->updated_us = object.at("updated_us").get<int64_t>();
  progress->worked_us = object.at("worked_us").get<int64_t>();
  progress->last_error = object.at("last_error").get<std::string>();
}

}  // namespace

std::string_view to_string(JobState state) { return name_of(kStates, state); }

bool has_ended(JobState state) {
  return state == JobState::kDone || state == JobState::kCancelled || state == JobState::kFailed;
}

void OrdinalSet::add(int64_t first, int64_t last) {
  auto next = ranges_.upper_bound(first);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second >= first - 1) {
      first = before->first;
      last = std::max(last, before->second);
      next = ranges_.erase(before);
    }
  }
  while (next != ranges_.end() && next->first <= last + 1) {
    last = std::max(last, next->second);
    next = ranges_.erase(next);
  }
  ranges_[first] = last;
}

bool OrdinalSet::contains(int64_t ordinal) const {
  const auto next = ranges_.upper_bound(ordinal);
  return next != ranges_.begin() && std::prev(next)->second >= ordinal;
}

int64_t OrdinalSet::count() const {
  int64_t count = 0;
  for (const auto& [first, last] : ranges_) count += last - first + 1;
  return count;
}

Seq JobPin::hand_over() const {
  const auto live = upper.find(0);
  return live == upper.end() ? Seq{0} : live->second;
}

JobState JobRecord::state() const {
  if (has_ended(progress.state)) return progress.state;
  if (control.wish == JobWish::kCancel) return JobState::kCancelled;
  if (control.wish == JobWish::kPause) return JobState::kPaused;
  return progress.state == JobState::kPaused ? JobState::kRunning : progress.state;
}

std::string to_json(const JobSpec& spec) {
  json partitions = json::array();
  for (const PartitionValue& partition : spec.partitions) {
    partitions.push_back({{"column", partition.column}, {"value", partition.value}});
  }
  return dump({{"job", spec.number},
               {"table", spec.table},
               {"where", spec.where},
               {"partitions", std::move(partitions)},
               {"order", name_of(kOrders, spec.order)},
               {"parallelism", spec.parallelism},
               {"skip_ahead", spec.skip_ahead},
               {"keep_from_us", spec.keep_from_us ? json(*spec.keep_from_us) : json(nullptr)},
               {"created_us", spec.created_us}});
}

std::string to_json(const JobProgress& progress) {
  json done = json::array();
  for (const auto& [first, last] : progress.done.ranges()) done.push_back(json::array({first, last}));
  json upper = json::object();
  if (progress.pin) {
    for (const auto& [shard, seq] : progress.pin->upper) upper[std::to_string(shard)] = seq.value;
  }
  return dump({{"state", to_string(progress.state)},
               {"epoch", progress.epoch.value},
               {"holder", progress.holder},
               {"pinned_version", progress.pin ? json(progress.pin->version) : json(nullptr)},
               {"upper", std::move(upper)},
               {"clickhouse_uuid", progress.pin ? progress.pin->clickhouse_uuid : ""},
               {"hot_start", progress.pin ? progress.pin->hot_start.value : 0},
               {"units_digest", progress.pin ? progress.pin->units_digest : ""},
               {"units_total", progress.units_total},
               {"units_done", std::move(done)},
               {"files_total", progress.files_total},
               {"rows_total", progress.rows_total},
               {"bytes_total", progress.bytes_total},
               {"rows", progress.rows},
               {"rows_in_work", progress.rows_in_work},
               {"rows_left_out", progress.rows_left_out},
               {"bytes", progress.bytes},
               {"started_us", progress.started_us},
               {"updated_us", progress.updated_us},
               {"worked_us", progress.worked_us},
               {"last_error", progress.last_error}});
}

std::string to_json(const JobControl& control) {
  return dump({{"wish", name_of(kWishes, control.wish)}, {"rows_per_second", control.rows_per_second}});
}

Result<JobSpec> spec_from_json(const std::string& path, std::string_view text) {
  return parse<JobSpec>(path, text, read_spec);
}

Result<JobProgress> progress_from_json(const std::string& path, std::string_view text) {
  return parse<JobProgress>(path, text, read_progress);
}

Result<JobControl> control_from_json(const std::string& path, std::string_view text) {
  return parse<JobControl>(path, text, [](const json& object, JobControl* control) {
    control->wish = named(kWishes, object.at("wish"));
    control->rows_per_second = object.at("rows_per_second").get<int64_t>();
  });
}

}  // namespace weir::backfill
