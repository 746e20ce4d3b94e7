#include "nats/kv_lease.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>

#include "base/crash_point.h"
#include "nats/kv_bucket.h"

namespace weir::nats {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kWriteAttempts = 4;  // a lost answer, a lost bucket and one race, and one to spare
constexpr milliseconds kPollMin{20};
constexpr milliseconds kPollMax{500};

bool worth_waiting(const Status& status) {
  return status.disposition() == Disposition::kRetry || status.disposition() == Disposition::kReconcile;
}

}  // namespace

std::string to_json(const LeaseEntry& entry) {
  return json{{"epoch", entry.epoch},
              {"holder", entry.holder},
              {"place", entry.place},
              {"state", entry.held ? "held" : "released"}}
      .dump();
}

Result<LeaseEntry> parse_lease_entry(std::string_view text) {
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* name, auto is_type) {
    const auto found = parsed.find(name);
    return found != parsed.end() && is_type(*found);
  };
  const auto is_text = [](const json& value) { return value.is_string(); };
  const auto is_integer = [](const json& value) { return value.is_number_integer(); };
  if (!parsed.is_object() || !has("epoch", is_integer) || !has("holder", is_text) || !has("state", is_text)) {
    return invalid_argument("not a lease entry: " + std::string(text));
  }
  const std::string state = parsed["state"].get<std::string>();
  if (state != "held" && state != "released") return invalid_argument("unknown state of a lease: " + state);
  if (parsed.contains("place") && !has("place", is_text))
    return invalid_argument("not a lease entry: " + std::string(text));
  return LeaseEntry{parsed["epoch"].get<int64_t>(), parsed["holder"].get<std::string>(),
                    parsed.value("place", std::string()), state == "held"};
}

std::string lease_key(std::string_view stream, int32_t shard) {
  return "lease/" + key_part(stream) + "/" + std::to_string(shard);
}

std::string new_holder_name() {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  std::random_device random;
  const uint64_t number = (uint64_t{random()} << 32) | random();
  return std::string(host) + ":" + std::to_string(::getpid()) + ":" + std::to_string(number);
}

WaitFor real_wait() {
  return [](milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock(mutex);
    woken.wait_for(lock, stop, time, [] { return false; });
  };
}

KvLease::KvLease(KeyValue& store, const Clock& clock, WaitFor wait, KvLeaseOptions options,
                 std::unique_ptr<HolderLock> lock)
    : store_(store),
      clock_(clock),
      wait_(std::move(wait)),
      options_(std::move(options)),
      key_(lease_key(options_.stream, options_.shard)),
      lock_(std::move(lock)) {}

Result<Epoch> KvLease::acquire(Epoch at_least, std::stop_token stop) {
  const milliseconds pause = std::clamp(options_.lease_timeout / 20, kPollMin, kPollMax);
  std::optional<Observation> seen;
  epoch_ = Epoch{};
  while (!stop.stop_requested()) {
    auto taken = try_acquire(at_least, seen);
    if (taken.ok() && *taken) {
      crash_point("lease_taken");
      return **taken;
    }
    if (!taken.ok()) {
      if (!worth_waiting(taken.status())) return taken.status();
      // While we cannot read, the holder cannot renew either: standing still then proves nothing.
      if (taken.status().disposition() == Disposition::kRetry) seen.reset();
    }
    wait_(pause, stop);
  }
  return shutting_down("stopped while waiting for the lease of stream " + options_.stream + " shard " +
                       std::to_string(options_.shard));
}

Result<std::optional<Epoch>> KvLease::try_acquire(Epoch at_least, std::optional<Observation>& seen) {
  auto found = store_.get(key_);
  if (!found.ok() && found.status().code() != StatusCode::kNotFound) return found.status();
  LeaseEntry entry;
  uint64_t revision = 0;
  if (found.ok()) {
    revision = found->revision;
    auto parsed = parse_lease_entry(found->value);
    if (!parsed.ok()) return parsed.status().with_context("KV key " + key_ + " (delete it to start over)");
    entry = std::move(parsed).value();
    if (!may_take(entry, revision, seen)) return std::optional<Epoch>();
  }
  const Epoch epoch{std::max(entry.epoch, at_least.value) + 1};
  if (Status written = write(epoch, /*held=*/true, revision); !written.ok()) {
    if (lock_) lock_->let_go();  // the winner wants it
    return written;
  }
  epoch_ = epoch;
  return std::optional<Epoch>(epoch_);
}

bool KvLease::may_take(const LeaseEntry& entry, uint64_t revision, std::optional<Observation>& seen) {
  // Our own entry: a write of an earlier attempt whose answer was lost. It is taken again under a higher epoch.
  if (!entry.held || entry.holder == options_.holder) return true;
  if (lock_ && !entry.place.empty() && entry.place == lock_->place() && lock_->try_hold()) return true;
  const auto now = clock_.now();
  if (!seen || seen->revision != revision) seen = Observation{revision, now};
  return now - seen->since >= options_.lease_timeout;
}

Status KvLease::write(Epoch epoch, bool held, uint64_t expected) {
  // The place is named only with the lock in hand: after a take-over from a paused process of this host the lock is
  // still its own, and when it dies then, that must not look like our death. Later renewals get the lock.
  const bool locked = lock_ && lock_->try_hold();
  const LeaseEntry ours{epoch.value, options_.holder, locked ? lock_->place() : std::string(), held};
  WEIR_ASSIGN_OR_RETURN(revision_, store_.put(key_, to_json(ours), expected));
  return ok_status();
}

Status KvLease::renew() {
  if (epoch_.value == 0) return fenced("the lease of stream " + options_.stream + " is not held");
  return write_ours(/*held=*/true);
}

Status KvLease::release() {
  if (epoch_.value == 0) return ok_status();
  Status released = write_ours(/*held=*/false);
  if (released.code() == StatusCode::kFenced) released = ok_status();
  epoch_ = Epoch{};
  if (lock_) lock_->let_go();
  return released;
}

Status KvLease::write_ours(bool held) {
  Status last;
  for (int attempt = 0; attempt < kWriteAttempts; ++attempt) {
    last = write(epoch_, held, revision_);
    if (last.ok() || last.disposition() != Disposition::kReconcile) return last;
    // Somebody wrote in between, or the answer was lost: what is there now decides.
    const auto found = store_.get(key_);
    if (found.status().code() == StatusCode::kNotFound) {
      revision_ = 0;  // the store lost its tail; our epoch is still the highest
      continue;
    }
    if (!found.ok()) return found.status();
    WEIR_ASSIGN_OR_RETURN(const LeaseEntry entry, parse_lease_entry(found->value));
    const bool is_ours = entry.holder == options_.holder && entry.epoch == epoch_.value;
    // A lower epoch can only be there because the store lost its tail: its holder was replaced by us.
    if (!is_ours && entry.epoch >= epoch_.value) {
      return fenced("stream " + options_.stream + " shard " + std::to_string(options_.shard) + " was taken over by " +
                    entry.holder + " with epoch " + std::to_string(entry.epoch) + "; ours was " +
                    std::to_string(epoch_.value));
    }
    if (is_ours && entry.held == held && found->revision > revision_) {
      revision_ = found->revision;  // our own write had arrived
      return ok_status();
    }
    revision_ = found->revision;
  }
  return last;
}

}  // namespace weir::nats
