#include "nats/kv_lease.h"

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <map>

namespace weir::nats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The store and the clock of one test; time passes only in wait().
class World final : public KeyValue, public Clock {
 public:
  enum class Fate { kDone, kLostAnswer, kLostRequest, kUnavailable };

  Result<KeyValueEntry> get(std::string_view key) override {
    if (!reachable) return unavailable("store");
    const auto found = entries.find(key);
    if (found == entries.end()) return not_found(std::string(key));
    return found->second;
  }
  Result<uint64_t> put(std::string_view key, std::string_view value, uint64_t expected) override {
    Fate fate = Fate::kDone;
    if (!fates.empty()) {
      fate = fates.front();
      fates.pop_front();
    }
    if (fate == Fate::kUnavailable || !reachable) return unavailable("store");
    if (fate == Fate::kLostRequest) return outcome_unknown("store");
    const auto found = entries.find(key);
    const uint64_t current = found == entries.end() ? 0 : found->second.revision;
    if (current != expected)
      return fate == Fate::kLostAnswer ? Result<uint64_t>(outcome_unknown("store")) : conflict("store");
    entries[std::string(key)] = {std::string(value), ++revision};
    if (fate == Fate::kLostAnswer) return outcome_unknown("store");
    return revision;
  }
  std::chrono::steady_clock::time_point now() const override { return time; }
  int64_t unix_us() const override { return 0; }

  /// Time passes; every second of it `each_second` runs.
  WaitFor wait() {
    return [this](milliseconds pause, const std::stop_token&) {
      time += pause;
      if (on_wait) on_wait();
    };
  }
  std::unique_ptr<KvLease> lease(const std::string& holder, std::unique_ptr<HolderLock> lock = nullptr) {
    return std::make_unique<KvLease>(
        *this, *this, wait(),
        KvLeaseOptions{.stream = "FLIGHTS", .shard = 0, .holder = holder, .lease_timeout = seconds(10)},
        std::move(lock));
  }
  LeaseEntry entry() { return *parse_lease_entry(entries.at("lease/FLIGHTS/0").value); }

  bool reachable = true;
  std::deque<Fate> fates;
  std::map<std::string, KeyValueEntry, std::less<>> entries;
  uint64_t revision = 0;
  std::chrono::steady_clock::time_point time;
  std::function<void()> on_wait;
};

/// Shared by the processes of one host; `owner` is who holds the lock.
struct Host {
  const void* owner = nullptr;
};

class FakeLock final : public HolderLock {
 public:
  explicit FakeLock(Host& host) : host_(host) {}
  ~FakeLock() override { let_go(); }
  const std::string& place() const override { return place_; }
  bool try_hold() override {
    if (host_.owner == nullptr) host_.owner = this;
    return host_.owner == this;
  }
  void let_go() override {
    if (host_.owner == this) host_.owner = nullptr;
  }

 private:
  Host& host_;
  std::string place_ = "host:1:2";
};

TEST(KvLease, TheFirstHolderGetsAnEpochAboveWhatTheStoresHaveSeen) {
  World world;
  EXPECT_EQ(world.lease("a")->acquire(Epoch{0}, {})->value, 1);
  world.entries.clear();
  EXPECT_EQ(world.lease("b")->acquire(Epoch{41}, {})->value, 42);
}

TEST(KvLease, AReleasedLeaseIsTakenWithoutWaiting) {
  World world;
  auto a = world.lease("a");
  ASSERT_TRUE(a->acquire(Epoch{0}, {}).ok());
  ASSERT_TRUE(a->release().ok());
  EXPECT_FALSE(world.entry().held);
  auto b = world.lease("b");
  EXPECT_EQ(b->acquire(Epoch{0}, {})->value, 2);
  EXPECT_EQ(world.time, std::chrono::steady_clock::time_point());
}

TEST(KvLease, ALeaseIsTakenOverOnlyAfterItsRevisionStoodStillForTheWholeTimeout) {
  World world;
  auto a = world.lease("a");
  ASSERT_TRUE(a->acquire(Epoch{0}, {}).ok());
  auto last_renewal = world.time;
  world.on_wait = [&] {
    if (world.time - last_renewal >= seconds(3) && world.time.time_since_epoch() < seconds(60)) {
      ASSERT_TRUE(a->renew().ok());
      last_renewal = world.time;
    }
  };
  auto b = world.lease("b");
  EXPECT_EQ(b->acquire(Epoch{0}, {})->value, 2);
  EXPECT_GE(world.time - last_renewal, seconds(10));
  EXPECT_GT(world.time.time_since_epoch(), seconds(60));
  EXPECT_EQ(a->renew().code(), StatusCode::kFenced);
}

TEST(KvLease, AnUnreachableStoreDoesNotCountAsStandingStill) {
  World world;
  auto a = world.lease("a");
  ASSERT_TRUE(a->acquire(Epoch{0}, {}).ok());
  world.on_wait = [&] {
    const auto since_start = world.time.time_since_epoch();
    world.reachable = since_start < seconds(5) || since_start > seconds(30);
  };
  auto b = world.lease("b");
  EXPECT_EQ(b->acquire(Epoch{0}, {})->value, 2);
  EXPECT_GE(world.time.time_since_epoch(), seconds(40));
}

TEST(KvLease, AnOwnWriteWhoseAnswerWasLostIsNotForeign) {
  World world;
  auto a = world.lease("a");
  world.fates = {World::Fate::kLostAnswer};
  const auto epoch = a->acquire(Epoch{0}, {});
  ASSERT_TRUE(epoch.ok());
  world.fates = {World::Fate::kLostAnswer};
  EXPECT_TRUE(a->renew().ok());
  world.fates = {World::Fate::kLostRequest};
  EXPECT_TRUE(a->renew().ok());
  world.fates = {World::Fate::kLostAnswer};
  EXPECT_TRUE(a->release().ok());
  EXPECT_FALSE(world.entry().held);
}

TEST(KvLease, ARenewalThatLosesAgainstAnotherHolderIsFenced) {
  World world;
  auto a = world.lease("a");
  auto b = world.lease("b");
  ASSERT_TRUE(a->acquire(Epoch{0}, {}).ok());
  EXPECT_EQ(b->acquire(Epoch{0}, {})->value, 2);
  EXPECT_EQ(a->renew().code(), StatusCode::kFenced);
  EXPECT_TRUE(b->renew().ok());
  EXPECT_TRUE(a->release().ok());
  EXPECT_TRUE(world.entry().held);
  EXPECT_EQ(world.entry().holder, "b");
}

TEST(KvLease, AnUnreachableStoreDoesNotFenceTheHolder) {
  World world;
  auto a = world.lease("a");
  ASSERT_TRUE(a->acquire(Epoch{0}, {}).ok());
  world.reachable = false;
  EXPECT_EQ(a->renew().code(), StatusCode::kUnavailable);
  world.reachable = true;
  EXPECT_TRUE(a->renew().ok());
}

TEST(KvLease, TheHolderReclaimsItsEntryWhenTheStoreLostItsTail) {
  World world;
  ASSERT_TRUE(world.lease("older")->acquire(Epoch{0}, {}).ok());
  const auto before = world.entries;
  auto a = world.lease("a");
  ASSERT_EQ(a->acquire(Epoch{0}, {})->value, 2);
  world.entries = before;  // rolled back to the older holder
  EXPECT_TRUE(a->renew().ok());
  EXPECT_EQ(world.entry().holder, "a");
  world.entries.clear();  // lost altogether
  EXPECT_TRUE(a->renew().ok());
  EXPECT_EQ(world.entry().epoch, 2);
}

TEST(KvLease, TheLeaseOfADeadProcessOfThisHostIsTakenAtOnce) {
  World world;
  Host host;
  auto a = world.lease("a", std::make_unique<FakeLock>(host));
  ASSERT_TRUE(a->acquire(Epoch{0}, {}).ok());
  a.reset();  // died: the kernel released its lock, the entry says "held"
  ASSERT_TRUE(world.entry().held);
  auto b = world.lease("b", std::make_unique<FakeLock>(host));
  EXPECT_EQ(b->acquire(Epoch{0}, {})->value, 2);
  EXPECT_EQ(world.time, std::chrono::steady_clock::time_point());
}

TEST(KvLease, AProcessThatTookOverFromAPausedOneOfThisHostIsNotMistakenForDeadWhenThatOneDies) {
  World world;
  Host host;
  auto paused = world.lease("paused", std::make_unique<FakeLock>(host));
  ASSERT_TRUE(paused->acquire(Epoch{0}, {}).ok());
  auto b = world.lease("b", std::make_unique<FakeLock>(host));
  ASSERT_EQ(b->acquire(Epoch{0}, {})->value, 2);  // after the timeout: the lock is not free
  EXPECT_EQ(world.entry().place, "");
  paused.reset();
  auto c = world.lease("c", std::make_unique<FakeLock>(host));
  const auto start = world.time;
  ASSERT_EQ(c->acquire(Epoch{0}, {})->value, 3);
  EXPECT_GE(world.time - start, seconds(10));
}

TEST(KvLease, StoppingEndsTheWait) {
  World world;
  auto a = world.lease("a");
  ASSERT_TRUE(a->acquire(Epoch{0}, {}).ok());
  std::stop_source stop;
  int waits = 0;
  world.on_wait = [&] {
    if (++waits == 3) stop.request_stop();
  };
  EXPECT_EQ(world.lease("b")->acquire(Epoch{0}, stop.get_token()).status().code(), StatusCode::kShuttingDown);
}

TEST(KvLease, AnUnreadableEntryStopsInsteadOfBeingOverwritten) {
  World world;
  world.entries["lease/FLIGHTS/0"] = {"{\"epoch\": \"seven\"}", 5};
  world.revision = 5;
  EXPECT_EQ(world.lease("a")->acquire(Epoch{0}, {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(world.entries["lease/FLIGHTS/0"].revision, 5u);
}

TEST(LeaseKey, HoldsOnlyWhatAKeyMayHold) {
  EXPECT_EQ(lease_key("FLIGHTS", 3), "lease/FLIGHTS/3");
  EXPECT_EQ(lease_key("a=b/c d", 0), "lease/a=3db=2fc=20d/0");
}

TEST(FileLock, OneHolderAtATimeAndTheSamePlaceForAll) {
  std::string folder = (std::filesystem::temp_directory_path() / "weir_lock_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  auto a = FileLock::open(folder, "FLIGHTS.0");
  auto b = FileLock::open(folder, "FLIGHTS.0");
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ((*a)->place(), (*b)->place());
  EXPECT_TRUE((*a)->try_hold());
  EXPECT_TRUE((*a)->try_hold());
  EXPECT_FALSE((*b)->try_hold());
  a->reset();
  EXPECT_TRUE((*b)->try_hold());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace weir::nats
