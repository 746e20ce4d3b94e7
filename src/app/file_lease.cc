#include "app/file_lease.h"

#include <condition_variable>
#include <utility>

#include "lake/lake_layout.h"

namespace weir::app {

Result<std::unique_ptr<FileLease>> FileLease::take(Services& services, const PipelineConfig& config,
                                                   Telemetry telemetry, const std::string& table, Epoch at_least,
                                                   const std::stop_token& stop) {
  std::unique_ptr<FileLease> lease(new FileLease(telemetry, table));
  // No stream is called so: a stream's name has no slash.
  const std::string name = "files/" + table;
  WEIR_ASSIGN_OR_RETURN(
      auto lock, nats::FileLock::open(config.pipeline.data_dir,
                                      "lease-" + lake::path_segment(config.pipeline.name + "/" + name)));
  bool said = false;
  const auto wait = [&said, &telemetry, &table, wait = nats::real_wait()](milliseconds time,
                                                                         const std::stop_token& token) {
    if (!std::exchange(said, true)) {
      telemetry.log.info("waiting: another process loads files into this table, or did a moment ago", {{"table", table}});
    }
    wait(time, token);
  };
  auto kv_lease = std::make_unique<nats::KvLease>(*services.key_value, telemetry.clock, wait,
                                                  nats::KvLeaseOptions{.stream = name,
                                                                       .shard = -1,
                                                                       .holder = nats::new_holder_name(),
                                                                       .lease_timeout = config.limits.lease_timeout},
                                                  std::move(lock));
  WEIR_ASSIGN_OR_RETURN(lease->epoch_, kv_lease->acquire(at_least, stop));
  lease->lease_ = std::move(kv_lease);
  lease->keeper_ = std::jthread([lease = lease.get(), interval = config.limits.lease_timeout / 3](
                                    const std::stop_token& keeper_stop) { lease->keep(interval, keeper_stop); });
  return lease;
}

FileLease::~FileLease() {
  if (!keeper_.joinable()) return;
  keeper_.request_stop();
  keeper_.join();
  if (lost_) return;
  if (const Status released = lease_->release(); !released.ok()) {
    telemetry_.log.warn("the lease was not released; the next loader waits for it",
                        {{"table", table_}, {"reason", released.to_string()}});
  }
}

Status FileLease::check() const {
  std::lock_guard lock(mutex_);
  return lost_.value_or(ok_status());
}

void FileLease::keep(std::chrono::milliseconds interval, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  for (;;) {
    {
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, interval, [] { return false; });
    }
    if (stop.stop_requested()) return;
    const Status renewed = lease_->renew();
    if (renewed.code() == StatusCode::kFenced) {
      std::lock_guard lock(mutex_);
      lost_ = renewed;
      return;
    }
    if (!renewed.ok()) telemetry_.log.warn("lease not renewed", {{"table", table_}, {"reason", renewed.to_string()}});
  }
}

}  // namespace weir::app
