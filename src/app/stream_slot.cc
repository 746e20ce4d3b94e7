// How a stream's shard is opened, run, and opened again with other plans while the process goes on.
#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "app/pipeline_run.h"
#include "base/retry.h"
#include "config/config_change.h"

namespace weir::app {
namespace {

// A stream that keeps losing its beginning would outrun an accepted gap for ever.
constexpr int kGapAttemptsMax = 5;

bool may_pass(const Status& status) {
  return status.disposition() == Disposition::kRetry || status.disposition() == Disposition::kReconcile;
}

void wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

// `before` as `file` has it. A table that the file lacks now, or reads from elsewhere, goes on as it was.
TableSection section_in(const PipelineConfig& file, const TableSection& before, Logger& log) {
  const auto same_name = [&](const TableSection& table) { return table.plan.table == before.plan.table; };
  const auto found = std::find_if(file.tables.begin(), file.tables.end(), same_name);
  if (found != file.tables.end() && found->stream == before.stream) return *found;
  log.warn("a table that is no longer in the file, or reads another stream, goes on as before; a restart is needed",
           {{"table", before.plan.table}, {"stream", before.stream}});
  return before;
}

}  // namespace

void PipelineRun::add_slot(const std::string& stream, Tables tables, const std::stop_token& stop) {
  auto slot = std::make_unique<Slot>();
  slot->stream = stream;
  slot->tables = std::move(tables);
  start_slot(*slot, stop);
  std::lock_guard lock(slots_mutex_);
  slots_.push_back(std::move(slot));
}

void PipelineRun::start_slot(Slot& slot, const std::stop_token& stop) {
  slot.ended = false;
  slot.thread = std::jthread([this, &slot, stop] {
    run_slot(slot, stop);
    slot.ended = true;
  });
}

// Until asked to stop, or until the shard fails for good. Changed tables that are refused leave the ones before them in
// force: a mistake in the file must not stop what runs.
void PipelineRun::run_slot(Slot& slot, const std::stop_token& stop) {
  std::set<std::string> told_fields;
  ShardOptions options{.until_caught_up = options_.until_caught_up,
                       .told_fields = &told_fields,
                       .visible = options_.visible,
                       .accept_gap = options_.accept_gap};
  const RetryPolicy retry;
  Tables before;  // What ran before the tables that are being opened for the first time.
  bool ever_open = false;
  int retries = 0;
  int gap_attempts = 0;
  while (true) {
    const Status opened = open_slot(slot, options, stop);
    slot.result = opened;
    if (opened.ok()) {
      ever_open = true;
      before = nullptr;
      retries = 0;
      options.new_columns.clear();
      slot.result = stop.stop_requested() ? shutting_down("before it began") : slot.shard->run();
    }
    const Status& result = slot.result;
    if (result.code() == StatusCode::kFenced) fenced_ = true;
    if (!result.ok() && result.code() != StatusCode::kShuttingDown) {
      telemetry_.log.error("shard stopped", {{"stream", slot.stream}, {"reason", result.to_string()}});
    }
    if (stop.stop_requested() || result.code() == StatusCode::kFenced) return;
    if (opened.ok()) options.new_columns = slot.shard->new_columns();
    if (!opened.ok() && !may_pass(opened)) options.new_columns.clear();  // What was refused once is refused again.
    if (opened.ok() && result.ok()) options.goal = slot.shard->goal();
    if (Tables current = slot.tables; take_next(slot)) {
      if (opened.ok()) before = std::move(current);
      options.new_columns.clear();  // Asked for again, if the new plan has no such columns.
    } else if (!opened.ok() && ever_open && may_pass(opened)) {
      wait(retry.delay(retries++, 0.0), stop);
    } else if (!opened.ok() && before != nullptr) {
      telemetry_.log.error("the changed tables are refused; those before them go on", {{"stream", slot.stream}});
      std::lock_guard lock(slots_mutex_);
      slot.tables = std::exchange(before, nullptr);
    } else if (options_.accept_gap && result.code() == StatusCode::kDataLoss && ++gap_attempts < kGapAttemptsMax) {
      // The stream lost more of its beginning while we went on behind the gap: accepted as well.
    } else if (options.new_columns.empty()) {
      return;
    }
    close_slot(slot);
  }
}

Status PipelineRun::open_slot(Slot& slot, const ShardOptions& options, const std::stop_token& stop) {
  std::vector<const TableSection*> sections;
  for (const TableSection& section : *slot.tables) sections.push_back(&section);
  WEIR_ASSIGN_OR_RETURN(auto shard, Shard::open(*services_, config_, std::move(sections), options, telemetry_, stop));
  std::lock_guard lock(slots_mutex_);
  slot.shard = std::move(shard);
  slot.open = true;
  if (slot.next != nullptr) slot.shard->drain(std::nullopt);  // Asked for while it was being opened.
  return ok_status();
}

void PipelineRun::close_slot(Slot& slot) {
  std::lock_guard lock(slots_mutex_);
  slot.open = false;
  slot.shard.reset();
}

// False: nothing new is asked for.
bool PipelineRun::take_next(Slot& slot) {
  std::lock_guard lock(slots_mutex_);
  if (slot.next == nullptr) return false;
  // The shard points into its tables: it goes first.
  slot.open = false;
  slot.shard.reset();
  slot.tables = std::exchange(slot.next, nullptr);
  return true;
}

// A shard that failed for good gets another chance when its tables were changed since.
void PipelineRun::restart_changed_slots(const std::stop_token& stop) {
  for (const auto& slot : slots_) {
    if (!slot->ended || !take_next(*slot)) continue;
    slot->thread.join();
    start_slot(*slot, stop);
  }
}

void PipelineRun::change_tables(Slot& slot, Tables tables) {
  std::lock_guard lock(slots_mutex_);
  slot.next = std::move(tables);
  if (slot.open) slot.shard->drain(std::nullopt);
}

PipelineRun::Tables PipelineRun::tables_of(const Slot& slot) {
  std::lock_guard lock(slots_mutex_);
  return slot.next != nullptr ? slot.next : slot.tables;
}

void PipelineRun::reload(PipelineConfig file, const std::stop_token& stop) {
  for (const std::string& section : changed_sections(config_, file)) {
    telemetry_.log.warn("a changed section needs a restart to take effect", {{"section", section}});
  }
  std::set<std::string> known;
  for (const auto& slot : slots_) {
    for (const TableSection& table : *tables_of(*slot)) known.insert(table.plan.table);
  }
  std::map<std::string, std::vector<TableSection>> added;
  const bool followers_changed = followers_->reload(file, stop);
  for (TableSection& table : file.tables) {
    if (!table.from_table.empty()) continue;
    table.plan.message_bytes_max = config_.limits.message_bytes_max;
    table.plan.json_depth_max = config_.limits.json_depth_max;
    if (!known.contains(table.plan.table)) added[table.stream].push_back(table);
  }
  int changed = 0;
  for (const auto& slot : slots_) {
    const Tables current = tables_of(*slot);
    std::vector<TableSection> wanted;
    for (const TableSection& table : *current) wanted.push_back(section_in(file, table, telemetry_.log));
    if (auto more = added.extract(slot->stream)) std::ranges::move(more.mapped(), std::back_inserter(wanted));
    if (std::ranges::equal(wanted, *current, std::not_fn(table_changed))) continue;
    ++changed;
    change_tables(*slot, std::make_shared<const std::vector<TableSection>>(std::move(wanted)));
  }
  for (auto& [stream, tables] : added) {
    ++changed;
    add_slot(stream, std::make_shared<const std::vector<TableSection>>(std::move(tables)), stop);
  }
  telemetry_.log.info("the pipeline file was read again", {{"streams_changed", changed}, {"followers_changed", followers_changed}});
}

}  // namespace weir::app
