#include "app/held_lease.h"

#include <condition_variable>
#include <utility>

#include "lake/lake_layout.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kLookInterval{50};

void wait_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

std::string lock_name(const HeldLeaseOptions& options) {
  return "lease-" + lake::path_segment(options.pipeline + "/" + options.name) + "-0";
}

}  // namespace

std::string table_lease_name(std::string_view table) { return "table/" + std::string(table); }

HeldLeaseOptions stream_lease(const PipelineConfig& config, std::string stream) {
  return {.name = std::move(stream),
          .kind = EpochKind::kStream,
          .pipeline = config.pipeline.name,
          .data_dir = config.pipeline.data_dir,
          .lease_timeout = config.limits.lease_timeout};
}

HeldLeaseOptions table_lease(const PipelineConfig& config, std::string_view table) {
  HeldLeaseOptions options = stream_lease(config, table_lease_name(table));
  options.kind = EpochKind::kTable;
  return options;
}

HeldLeaseOptions lease_of(const PipelineConfig& config, const TableSection& section) {
  return section.from_table.empty() ? stream_lease(config, section.stream) : table_lease(config, section.plan.table);
}

HeldLease::HeldLease(Services& services, Telemetry telemetry, HeldLeaseOptions options)
    : services_(services), telemetry_(telemetry), options_(std::move(options)) {}

HeldLease::~HeldLease() { let_go(); }

Result<std::unique_ptr<HeldLease>> HeldLease::open(Services& services, Telemetry telemetry, HeldLeaseOptions options) {
  std::unique_ptr<HeldLease> held(new HeldLease(services, telemetry, std::move(options)));
  const HeldLeaseOptions& opened = held->options_;
  WEIR_ASSIGN_OR_RETURN(held->peek_lock_, nats::FileLock::open(opened.data_dir, lock_name(opened)));
  WEIR_ASSIGN_OR_RETURN(auto lock, nats::FileLock::open(opened.data_dir, lock_name(opened)));
  held->lease_ = std::make_unique<nats::KvLease>(*services.key_value, telemetry.clock, nats::real_wait(),
                                                 nats::KvLeaseOptions{.stream = opened.name,
                                                                      .shard = 0,
                                                                      .holder = nats::new_holder_name(),
                                                                      .lease_timeout = opened.lease_timeout},
                                                 std::move(lock));
  return held;
}

Result<std::optional<Epoch>> HeldLease::living_holder(const std::stop_token& stop) {
  const std::string key = nats::lease_key(options_.name, 0);
  std::optional<uint64_t> first_revision;
  const auto deadline = telemetry_.clock.now() + options_.lease_timeout;
  while (!stop.stop_requested()) {
    const auto found = services_.key_value->get(key);
    if (found.status().code() == StatusCode::kNotFound) return std::optional<Epoch>();
    WEIR_RETURN_IF_ERROR(found.status());
    WEIR_ASSIGN_OR_RETURN(const nats::LeaseEntry entry, nats::parse_lease_entry(found->value));
    if (!entry.held) return std::optional<Epoch>();
    if (!first_revision) first_revision = found->revision;
    if (*first_revision != found->revision) return std::optional(Epoch{entry.epoch});
    if (!entry.place.empty() && entry.place == peek_lock_->place()) {
      // The kernel knows better than any clock. What can be locked here is let go again: it was only a look.
      if (!peek_lock_->try_hold()) return std::optional(Epoch{entry.epoch});
      peek_lock_->let_go();
      return std::optional<Epoch>();
    }
    if (telemetry_.clock.now() >= deadline) return std::optional<Epoch>();
    wait_for(kLookInterval, stop);
  }
  return shutting_down("stopped while looking for the holder of " + options_.name);
}

Result<Epoch> HeldLease::take(Epoch at_least, const std::stop_token& stop) {
  telemetry_.log.info("taking the lease", {{"stream", options_.name}, {"shard", 0}});
  WEIR_ASSIGN_OR_RETURN(Epoch epoch, lease_->acquire(at_least, stop));
  // An entry of our own is taken again at once, one higher.
  while (epoch.value % 2 != static_cast<int64_t>(options_.kind)) {
    WEIR_ASSIGN_OR_RETURN(epoch, lease_->acquire(epoch, stop));
  }
  telemetry_.log.info("lease taken", {{"stream", options_.name}, {"shard", 0}, {"epoch", epoch.value}});
  keeper_ = std::jthread([this](const std::stop_token& keeper_stop) { keep(keeper_stop); });
  return epoch;
}

void HeldLease::when_lost(std::function<void(const Status&)> lost) {
  std::lock_guard lock(mutex_);
  if (lost_) return lost(*lost_);
  lost_called_ = std::move(lost);
}

std::optional<Status> HeldLease::lost() const {
  std::lock_guard lock(mutex_);
  return lost_;
}

void HeldLease::note_lost(const Status& status) {
  std::lock_guard lock(mutex_);
  if (!lost_) lost_ = status;
}

void HeldLease::let_go() {
  if (!keeper_.joinable()) return;
  keeper_.request_stop();
  keeper_.join();
  if (lost()) return;
  if (const Status released = lease_->release(); !released.ok()) {
    telemetry_.log.warn("the lease was not released; the next holder waits for it",
                        {{"stream", options_.name}, {"reason", released.to_string()}});
  }
}

void HeldLease::keep(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    wait_for(options_.lease_timeout / 3, stop);
    if (stop.stop_requested()) return;
    const Status renewed = lease_->renew();
    if (renewed.code() == StatusCode::kFenced) {
      telemetry_.log.error("another process took the shard over",
                           {{"stream", options_.name}, {"reason", renewed.message()}});
      std::lock_guard lock(mutex_);
      lost_ = renewed;
      if (lost_called_) lost_called_(renewed);
      return;
    }
    if (!renewed.ok()) {
      telemetry_.log.warn("lease not renewed", {{"stream", options_.name}, {"reason", renewed.to_string()}});
    }
  }
}

}  // namespace weir::app
