#include "app/followers.h"

#include <algorithm>
#include <utility>

#include "base/retry.h"
#include "config/config_change.h"

namespace weir::app {
namespace {

const TableSection* find_table(const PipelineConfig& config, const std::string& name) {
  const auto found =
      std::ranges::find_if(config.tables, [&](const TableSection& table) { return table.plan.table == name; });
  return found == config.tables.end() ? nullptr : &*found;
}

bool may_pass(const Status& status) {
  return status.disposition() == Disposition::kRetry || status.disposition() == Disposition::kReconcile;
}

}  // namespace

Followers::Followers(Services& services, const PipelineConfig& config, Telemetry telemetry, FollowersOptions options)
    : services_(services), config_(config), telemetry_(telemetry), options_(std::move(options)) {}

Followers::~Followers() {
  drain();
  for (const auto& slot : slots_) {
    if (slot->thread.joinable()) slot->thread.join();
  }
}

void Followers::start(const std::stop_token& stop) { (void)reload(config_, stop); }

bool Followers::reload(const PipelineConfig& file, const std::stop_token& stop) {
  std::lock_guard lock(mutex_);
  bool changed = false;
  for (const TableSection& table : file.tables) {
    if (table.from_table.empty()) continue;
    Sections sections{.table = table, .source = *find_table(file, table.from_table)};
    const auto known = std::ranges::find_if(
        slots_, [&](const auto& slot) { return slot->sections.table.plan.table == table.plan.table; });
    if (known == slots_.end()) {
      changed = true;
      slots_.push_back(std::make_unique<Slot>());
      slots_.back()->sections = std::move(sections);
      start_slot(*slots_.back(), stop);
      continue;
    }
    Slot& slot = **known;
    if (slot.sections.table.from_table != table.from_table) {
      telemetry_.log.warn("a table that follows another one now goes on as before; a restart is needed",
                          {{"table", table.plan.table}});
    } else if (table_changed(slot.next ? slot.next->table : slot.sections.table, table)) {
      changed = true;
      slot.next = std::move(sections);
      if (slot.follower) slot.follower->drain();
    }
  }
  return changed;
}

// One that failed for good gets another chance when its section was changed since; one whose source had ended, when that one
// is back.
void Followers::restart_changed(const std::stop_token& stop) {
  for (const auto& slot : slots_) {  // Only this thread adds any.
    if (!slot->ended || stop.stop_requested()) continue;
    std::string source;
    {
      std::lock_guard lock(mutex_);
      if (!slot->next && slot->result.ok()) source = slot->sections.table.from_table;
      if (!slot->next && source.empty()) continue;
    }
    if (!source.empty() && end_of(source) != SourceEnd::kGoesOn) continue;
    slot->thread.join();
    std::lock_guard lock(mutex_);
    slot->follower.reset();
    start_slot(*slot, stop);
  }
}

void Followers::start_slot(Slot& slot, const std::stop_token& stop) {
  slot.ended = false;
  slot.thread = std::jthread([this, &slot, stop] {
    run(slot, stop);
    slot.ended = true;
  });
}

// Until asked to stop, until the source has ended, or until it fails for good. A changed section that is refused leaves the
// one before it in force: a mistake in the file must not stop what runs.
void Followers::run(Slot& slot, const std::stop_token& stop) {
  const RetryPolicy retry;
  std::optional<Sections> before;  // What ran before the sections that are being opened for the first time.
  bool ever_open = false;
  int retries = 0;
  (void)take_next(slot);
  while (true) {
    Sections sections;
    {
      std::lock_guard lock(mutex_);
      sections = slot.sections;
    }
    const Status opened = open(slot, sections, stop);
    slot.result = opened;
    if (opened.ok()) {
      ever_open = true;
      before.reset();
      retries = 0;
      slot.result = stop.stop_requested() ? shutting_down("before it began") : slot.follower->run();
    }
    if (slot.result.code() == StatusCode::kFenced) fenced_ = true;
    if (!slot.result.ok() && slot.result.code() != StatusCode::kShuttingDown) {
      telemetry_.log.error("table stopped",
                           {{"table", sections.table.plan.table}, {"reason", slot.result.to_string()}});
    }
    if (stop.stop_requested() || slot.result.code() == StatusCode::kFenced) return;
    const bool source_changed = opened.ok() && slot.follower->source_changed();
    if (take_next(slot)) {
      if (opened.ok()) before = std::move(sections);
    } else if (!opened.ok() && ever_open && may_pass(opened)) {
      (void)wait_until([] { return false; }, retry.delay(retries++, 0.0), stop);
    } else if (!opened.ok() && before) {
      telemetry_.log.error("the changed table is refused; the one before it goes on",
                           {{"table", sections.table.plan.table}});
      std::lock_guard lock(mutex_);
      slot.sections = *std::exchange(before, std::nullopt);
    } else if (!source_changed) {
      return;
    }
    std::lock_guard lock(mutex_);
    slot.follower.reset();
  }
}

Status Followers::open(Slot& slot, const Sections& sections, const std::stop_token& stop) {
  const std::string source = sections.table.from_table;
  WEIR_ASSIGN_OR_RETURN(auto follower,
                        TableFollower::open(services_, config_, sections.table, sections.source,
                                            {.until_caught_up = options_.until_caught_up,
                                             .source_end = [this, source] { return end_of(source); },
                                             .wait_for_source = true,
                                             .visible = options_.visible},
                                            telemetry_, stop));
  std::lock_guard lock(mutex_);
  slot.follower = std::move(follower);
  if (slot.next) slot.follower->drain();  // Asked for while it was being opened.
  return ok_status();
}

// False: nothing new is asked for.
bool Followers::take_next(Slot& slot) {
  std::lock_guard lock(mutex_);
  if (!slot.next) return false;
  slot.sections = *std::exchange(slot.next, std::nullopt);
  return true;
}

SourceEnd Followers::end_of(const std::string& table) const {
  {
    std::lock_guard lock(mutex_);
    for (const auto& slot : slots_) {
      if (slot->sections.table.plan.table != table) continue;
      if (!slot->ended) return SourceEnd::kGoesOn;
      return slot->follower && slot->follower->goal_reached() ? SourceEnd::kReached : SourceEnd::kStopped;
    }
  }
  return options_.stream_end(table);
}

bool Followers::ended() const {
  std::lock_guard lock(mutex_);
  return std::ranges::all_of(slots_, [](const auto& slot) { return slot->ended.load(); });
}

void Followers::drain() {
  std::lock_guard lock(mutex_);
  for (const auto& slot : slots_) {
    if (slot->follower) slot->follower->drain();
  }
}

void Followers::for_each(const std::function<void(const TableFollower&)>& take) const {
  std::lock_guard lock(mutex_);
  for (const auto& slot : slots_) {
    if (slot->follower) take(*slot->follower);
  }
}

std::vector<std::string> Followers::waiting() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> tables;
  for (const auto& slot : slots_) {
    if (!slot->follower) tables.push_back(slot->sections.table.plan.table);
  }
  return tables;
}

std::vector<Status> Followers::results() const {
  std::lock_guard lock(mutex_);
  std::vector<Status> results;
  for (const auto& slot : slots_) results.push_back(slot->result);
  return results;
}

bool Followers::goals_reached() const {
  std::lock_guard lock(mutex_);
  return std::ranges::all_of(slots_, [](const auto& slot) { return slot->follower && slot->follower->goal_reached(); });
}

}  // namespace weir::app
