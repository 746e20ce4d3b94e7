#include "backfill/hot_job_runner.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/crash_point.h"
#include "engine/delta_table.h"

namespace weir::backfill {
namespace {

constexpr RetryPolicy kRetry{.first = std::chrono::milliseconds(200), .max = std::chrono::milliseconds(5'000)};
// Three minutes of an object store that does not answer.
constexpr int kReadAttemptsMax = 20;

// `weir/<table>/<shard>` -> shard; empty for every other transaction.
std::optional<int32_t> shard_of_position(const std::string& app_id, const std::string& table) {
  const std::string prefix = "weir/" + table + "/";
  if (!app_id.starts_with(prefix)) return std::nullopt;
  int32_t shard = 0;
  const char* end = app_id.data() + app_id.size();
  const auto parsed = std::from_chars(app_id.data() + prefix.size(), end, shard);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(shard) : std::nullopt;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The rows that were brought under the pin are still there, and the live path still begins where the job ends.
bool still_stands(const JobPin& pin, const HotLanes::Standing& standing) {
  return pin.clickhouse_uuid == standing.table_id && standing.hot_start <= pin.hot_start;
}

bool may_pass(StatusCode code) {
  switch (code) {
    case StatusCode::kUnavailable:
    case StatusCode::kOutcomeUnknown:
    case StatusCode::kConflict:
    case StatusCode::kResourceExhausted: return true;
    default: return false;
  }
}

constexpr const char* kStartAgain =
    "start the backfill again: rows that are in ClickHouse already are recognised and not written twice";

}  // namespace

HotJobRunner::HotJobRunner(HotJobPorts ports, HotJobOptions options, JobRecord job)
    : ports_(std::move(ports)),
      options_(std::move(options)),
      jobs_(ports_.objects),
      spec_(std::move(job.spec)),
      throttle_(ports_.clock),
      lanes_(ports_.clickhouse, spec_.table, options_.epoch, [this](const Status& status) { trouble(status); }),
      progress_(std::move(job.progress)) {}

Status HotJobRunner::run(const std::stop_token& stop) {
  WEIR_RETURN_IF_ERROR(poll().status());  // A newer executor's progress is not written over.
  {
    std::lock_guard lock(mutex_);
    progress_.epoch = options_.epoch;
    progress_.holder = options_.holder;
    progress_.last_error.clear();
    progress_.rows_in_work = 0;
    if (progress_.started_us == 0) progress_.started_us = ports_.clock.unix_us();
  }
  counted_until_us_ = ports_.clock.unix_us();
  put_progress(JobState::kRunning);
  for (int attempt = 0;; ++attempt) {
    const auto leg = run_leg(stop);
    if (leg.status().code() == StatusCode::kFenced) return leg.status();
    if (leg.status().code() == StatusCode::kShuttingDown) {
      put_progress(JobState::kPending);
      return leg.status();
    }
    if (may_pass(leg.status().code())) {  // The lake is away; what waits for ClickHouse does so further down.
      trouble(leg.status());
      put_progress(JobState::kRunning);
      (void)wait_to_retry(kRetry, attempt, stop);
      continue;
    }
    if (!leg.ok()) {
      ports_.log.error("backfill failed",
                       {{"table", spec_.table}, {"job", spec_.number}, {"reason", leg.status().message()}});
      return end(JobState::kFailed, leg.status().message(), stop);
    }
    switch (*leg) {
      case Leg::kDone: return end(JobState::kDone, "", stop);
      case Leg::kCancelled: return end(JobState::kCancelled, "", stop);
      case Leg::kPaused: return end(JobState::kPaused, "", stop);
      case Leg::kStartOver: start_over();
    }
  }
}

// From the pin to the last row under it.
Result<HotJobRunner::Leg> HotJobRunner::run_leg(const std::stop_token& stop) {
  WEIR_ASSIGN_OR_RETURN(const Leg pinned, pin(stop));
  if (pinned != Leg::kDone) return pinned;
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, pinned_snapshot());
  const engine::Snapshot* version = lake::engine_snapshot(*snapshot);
  if (version == nullptr) return internal_error("the lake's snapshot is none of the engine's");
  WEIR_RETURN_IF_ERROR(check_predicate(ports_.engine, *version, spec_));
  WEIR_ASSIGN_OR_RETURN(const auto description, version->describe(/*with_files=*/true));
  WEIR_ASSIGN_OR_RETURN(const HotPlan plan, plan_of(description));
  HotUnitSource source{.engine = ports_.engine,
                       .snapshot = *version,
                       .schema = row_arrow_schema(*ports_.plan),
                       .columns = {},
                       .spec = spec_,
                       .hand_over = progress_.pin->hand_over()};
  WEIR_ASSIGN_OR_RETURN(source.columns, columns_of(description));
  lanes_.begin(*progress_.pin);
  put_progress(JobState::kRunning);
  crash_point("backfill_pinned");
  ports_.log.info("backfill runs", {{"table", spec_.table},
                                    {"job", spec_.number},
                                    {"hand_over_seq", progress_.pin->hand_over().value},
                                    {"version", progress_.pin->version},
                                    {"files", plan.files},
                                    {"units_done", progress_.done.count()},
                                    {"units", plan.units.size()}});
  WEIR_ASSIGN_OR_RETURN(const Leg brought, bring(source, plan, stop));
  return brought == Leg::kDone ? conclude(stop) : brought;
}

// Waits as long as ClickHouse or the live path are away. kDone: pinned.
Result<HotJobRunner::Leg> HotJobRunner::pin(const std::stop_token& stop) {
  for (int attempt = 0;; ++attempt) {
    WEIR_ASSIGN_OR_RETURN(const auto wish, poll());
    if (wish) return *wish;
    if (stop.stop_requested()) return shutting_down("waiting for ClickHouse");
    const Status status = try_pin(stop);
    if (status.ok()) break;
    // Not found: the table was dropped in this moment; the next look makes it again.
    if (!may_pass(status.code()) && status.code() != StatusCode::kNotFound) return status;
    trouble(status);
    put_progress(JobState::kRunning);
    if (!wait_to_retry(kRetry, attempt, stop)) return shutting_down("waiting for ClickHouse");
  }
  trouble(ok_status());
  return Leg::kDone;
}

Status HotJobRunner::try_pin(const std::stop_token& stop) {
  const LivePath& live = ports_.clickhouse.live;
  WEIR_RETURN_IF_ERROR(live.look_again(stop));
  if (spec_.skip_ahead && !progress_.pin) WEIR_RETURN_IF_ERROR(live.skip_ahead(stop));
  // The bulk fence first, then the position: see HotBulkSink.
  WEIR_ASSIGN_OR_RETURN(const HotLanes::Standing standing, lanes_.standing());
  if (progress_.pin) {
    WEIR_ASSIGN_OR_RETURN(const SeqRange present, ports_.clickhouse.table.seq_bounds(0));
    // Emptied while nothing came in live: nobody but us can tell.
    const bool emptied = progress_.rows > 0 && present.empty();
    if (!emptied && still_stands(*progress_.pin, standing)) return ok_status();
    start_over();
  }
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, ports_.lake_table.snapshot());
  const engine::Snapshot* version = lake::engine_snapshot(*snapshot);
  if (version == nullptr) return internal_error("the lake's snapshot is none of the engine's");
  WEIR_ASSIGN_OR_RETURN(const auto description, version->describe(/*with_files=*/false));
  JobPin pin{.version = description.version,
             .upper = {},
             .clickhouse_uuid = standing.table_id,
             .hot_start = standing.hot_start,
             .units_digest = {}};
  for (const auto& [app_id, position] : description.txns) {
    if (const auto shard = shard_of_position(app_id, spec_.table)) pin.upper[*shard] = Seq{position};
  }
  // ClickHouse may lag behind the lake, or, between two commits, be ahead of it.
  pin.upper[0] = std::min(pin.upper[0], standing.live_position);
  std::lock_guard lock(mutex_);
  progress_.pin = std::move(pin);
  return ok_status();
}

Result<std::shared_ptr<const LakeSnapshot>> HotJobRunner::pinned_snapshot() {
  auto snapshot = ports_.lake_table.snapshot_at(progress_.pin->version);
  if (snapshot.status().code() != StatusCode::kNotFound) return snapshot;
  return data_loss("version " + std::to_string(progress_.pin->version) + " of table " + spec_.table +
                   " in the lake, which this backfill has pinned, can no longer be read (" +
                   snapshot.status().message() + "); " + kStartAgain);
}

// Other units than last time (another release may cut them differently) are all looked at again.
Result<HotPlan> HotJobRunner::plan_of(const engine::TableDescription& version) {
  WEIR_ASSIGN_OR_RETURN(HotPlan plan, plan_units(version, spec_, progress_.pin->hand_over(), options_.unit));
  std::lock_guard lock(mutex_);
  if (std::string digest = plan.digest(); progress_.pin->units_digest != digest) {
    progress_.pin->units_digest = std::move(digest);
    progress_.done = {};
    progress_.rows = progress_.rows_left_out = progress_.bytes = 0;
  }
  progress_.units_total = static_cast<int64_t>(plan.units.size());
  progress_.files_total = plan.files;
  progress_.rows_total = plan.rows;
  progress_.bytes_total = plan.bytes;
  return plan;
}

Result<HotJobRunner::Leg> HotJobRunner::bring(const HotUnitSource& source, const HotPlan& plan,
                                              const std::stop_token& stop) {
  HotUnitPool pool(source, plan, progress_.done, lanes_, throttle_,
                   {.threads = spec_.parallelism > 0 ? spec_.parallelism : options_.parallelism,
                    .block = options_.block,
                    .done = [&](int64_t ordinal, int64_t rows) { unit_done(plan, ordinal, rows); },
                    .judge = [this](const HotUnit& unit, const Status& failure,
                                    int attempt) { return judge_read(unit, failure, attempt); }});
  pool_ = &pool;
  const std::stop_callback stopped(stop, [&pool] { pool.request_stop(); });
  Result<std::optional<Leg>> wish = std::optional<Leg>();
  while (!pool.wait(options_.poll_interval)) {
    if (!wish.ok() || *wish) continue;
    wish = poll();
    if (!wish.ok() || *wish) pool.request_stop();
    put_progress(JobState::kRunning);
  }
  pool_ = nullptr;
  WEIR_RETURN_IF_ERROR(wish.status());
  const auto result = pool.result();
  const bool only_stopped = result.status().code() == StatusCode::kShuttingDown;
  if (*wish && only_stopped) return **wish;
  WEIR_RETURN_IF_ERROR(result.status());
  return *result == HotLanes::Outcome::kStartOver ? Leg::kStartOver : Leg::kDone;
}

// Every row went in: into a table that is still there?
Result<HotJobRunner::Leg> HotJobRunner::conclude(const std::stop_token& stop) {
  for (int attempt = 0;; ++attempt) {
    const auto standing = lanes_.standing();
    if (standing.ok()) return still_stands(*progress_.pin, *standing) ? Leg::kDone : Leg::kStartOver;
    if (standing.status().code() == StatusCode::kNotFound) return Leg::kStartOver;
    if (!may_pass(standing.status().code())) return standing.status();
    trouble(standing.status());
    (void)ports_.clickhouse.live.look_again(stop);
    if (!wait_to_retry(kRetry, attempt, stop)) return shutting_down("waiting for ClickHouse");
  }
}

// What people want of the job now; nothing: go on. kFenced: a newer executor has written progress.
Result<std::optional<HotJobRunner::Leg>> HotJobRunner::poll() {
  const auto there = jobs_.read(spec_.table, spec_.number);
  if (!there.ok()) {
    // The work itself notices a lake that is away.
    ports_.log.warn("the backfill's control cannot be read",
                    {{"table", spec_.table}, {"job", spec_.number}, {"reason", there.status().to_string()}});
    return std::optional<Leg>();
  }
  if (there->progress.epoch > options_.epoch) {
    return fenced("backfill " + std::to_string(spec_.number) + " of table " + spec_.table + " was taken over by " +
                  there->progress.holder);
  }
  throttle_.set_rows_per_second(there->control.rows_per_second);
  switch (there->control.wish) {
    case JobWish::kPause: return std::optional(Leg::kPaused);
    case JobWish::kCancel: return std::optional(Leg::kCancelled);
    case JobWish::kRun: break;
  }
  return std::optional<Leg>();
}

// A file that is gone stays gone, whatever the error was called; anything else may pass.
Status HotJobRunner::judge_read(const HotUnit& unit, const Status& failure, int attempt) {
  trouble(failure);
  const auto there = ports_.objects.list(spec_.table);
  if (there.ok()) {
    std::set<std::string> names;
    for (const engine::ObjectEntry& entry : *there) names.insert(file_name(entry.path));
    for (const std::string& file : unit.files) {
      if (names.contains(file_name(file))) continue;
      return data_loss(
          "the data file " + spec_.table + "/" + file + " of version " + std::to_string(progress_.pin->version) +
          ", which this backfill has pinned, is gone: something removed it (a vacuum by another tool?). If "
          "the newest version can be read, " +
          kStartAgain + "; `weir audit` tells what is missing");
    }
  }
  if (!may_pass(failure.code()) || attempt >= kReadAttemptsMax) {
    return Status(may_pass(failure.code()) ? StatusCode::kDataLoss : failure.code(), failure.message())
        .with_context("file " + spec_.table + "/" + unit.files.front() +
                      (unit.files.size() > 1 ? " and " + std::to_string(unit.files.size() - 1) + " more" : ""));
  }
  return unavailable(failure.message());
}

void HotJobRunner::unit_done(const HotPlan& plan, int64_t ordinal, int64_t rows) {
  crash_point("backfill_unit_done");
  const HotUnit& unit = plan.units[static_cast<size_t>(ordinal)];
  std::lock_guard lock(mutex_);
  progress_.done.add(ordinal);
  progress_.rows += rows;
  progress_.rows_left_out += std::max<int64_t>(0, unit.rows - rows);
  progress_.bytes += unit.bytes;
}

void HotJobRunner::trouble(const Status& status) {
  if (!status.ok()) {
    ports_.log.warn("backfill waits", {{"table", spec_.table}, {"job", spec_.number}, {"reason", status.to_string()}});
  }
  std::lock_guard lock(mutex_);
  progress_.last_error = status.ok() ? "" : status.to_string();
}

void HotJobRunner::start_over() {
  ports_.log.warn("the ClickHouse table was dropped or emptied meanwhile; the backfill starts over",
                  {{"table", spec_.table}, {"job", spec_.number}});
  std::lock_guard lock(mutex_);
  progress_.pin.reset();
  progress_.done = {};
  progress_.rows = progress_.rows_left_out = progress_.bytes = 0;
}

// Progress that cannot be stored costs a second look at some units, no more.
void HotJobRunner::put_progress(JobState state) {
  JobProgress now;
  {
    std::lock_guard lock(mutex_);
    const int64_t time_us = ports_.clock.unix_us();
    progress_.state = state;
    progress_.rows_in_work = pool_ == nullptr ? 0 : pool_->rows_in_work();
    progress_.worked_us += std::max<int64_t>(0, time_us - counted_until_us_);
    progress_.updated_us = counted_until_us_ = time_us;
    now = progress_;
  }
  if (const Status status = jobs_.put_progress(spec_, now); !status.ok()) {
    ports_.log.warn("the backfill's progress was not stored",
                    {{"table", spec_.table}, {"job", spec_.number}, {"reason", status.to_string()}});
  }
}

// How it ended has to be stored: others wait for it.
Status HotJobRunner::end(JobState state, const std::string& error, const std::stop_token& stop) {
  {
    std::lock_guard lock(mutex_);
    progress_.state = state;
    progress_.last_error = error;
    progress_.rows_in_work = 0;
    const int64_t time_us = ports_.clock.unix_us();
    progress_.worked_us += std::max<int64_t>(0, time_us - counted_until_us_);
    progress_.updated_us = counted_until_us_ = time_us;
  }
  for (int attempt = 0;; ++attempt) {
    const Status stored = jobs_.put_progress(spec_, progress_);
    if (stored.ok()) break;
    ports_.log.warn("the backfill's end was not stored", {{"table", spec_.table}, {"reason", stored.to_string()}});
    if (!wait_to_retry(kRetry, attempt, stop)) return shutting_down("storing how the backfill ended");
  }
  ports_.log.info("backfill ended", {{"table", spec_.table},
                                     {"job", spec_.number},
                                     {"state", to_string(state)},
                                     {"rows", progress_.rows},
                                     {"hand_over_seq", progress_.pin ? progress_.pin->hand_over().value : 0}});
  return ok_status();
}

}  // namespace weir::backfill
