// The load of a file against stores that lose, delay and repeat, from a seed: every step may be the last of its process.
#include "backfill/file_loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "batch/row_ids.h"
#include "tests/fakes/fake_lake_table.h"
#include "tests/fakes/fake_stream.h"

namespace weir::backfill {
namespace {

using fakes::Fate;

constexpr int64_t kRows = 400;
constexpr int32_t kShard = -3;

bool reader_rejects(int64_t row) { return row % 17 == 0; }
bool decoder_rejects(int64_t row) { return row % 23 == 0 && !reader_rejects(row); }
bool is_rejected(int64_t row) { return reader_rejects(row) || decoder_rejects(row); }

// Rows 1..kRows; batches end where the process's own dice want it.
class DicedReader final : public FileReader {
 public:
  explicit DicedReader(std::mt19937_64& rng) : rng_(rng) {}
  Status seek(Seq first) override {
    next_ = first;
    return ok_status();
  }
  Result<std::unique_ptr<FileBatch>> next(const ReadLimits&) override {
    FileBatchBuilder batch(next_, origin_);
    for (uint64_t left = 1 + rng_() % 40; left > 0 && next_.value <= kRows; --left) {
      batch.payload() += "{}";
      if (reader_rejects(next_.value)) {
        batch.add_reject(next_, {.code = RejectCode::kInvalidCsv, .pointer = {}, .reason = {}}, "raw");
      } else {
        batch.add_row(next_);
      }
      next_ = next_ + 1;
    }
    return batch.finish(next_ - 1);
  }
  int64_t bytes_read() const override { return 0; }
  std::optional<int64_t> rows() const override { return kRows; }
  const std::vector<std::string>& notes() const override { return notes_; }

 private:
  std::mt19937_64& rng_;
  const FileOrigin origin_{.subject = "f", .time_us = 1};
  const std::vector<std::string> notes_;
  Seq next_{1};
};

class Identities final : public RowTransform {
 public:
  Result<std::shared_ptr<const Slice>> apply(const MessageBatch& batch, SeqRange range) override {
    auto slice = std::make_shared<Slice>();
    slice->range = range;
    std::vector<RowId> rows;
    for (int64_t row = range.first.value; row <= range.last.value; ++row) {
      if (!is_rejected(row)) rows.push_back({Seq{row}, 0});
      if (is_rejected(row)) slice->rejects.push_back({.seq = Seq{row}});
    }
    EXPECT_GE(batch.range().last, range.last);
    slice->rows = fakes::rows_of(rows);
    slice->events = range.length();
    slice->bytes = range.length();
    return std::shared_ptr<const Slice>(std::move(slice));
  }
};

class World {
 public:
  explicit World(uint64_t seed) : rng_(seed) {}

  // Loads, as one process after the other, until the file is in.
  void run() {
    for (int life = 0; life < 200 && !done_; ++life) {
      quiet_ = life > 40;
      run_process();
      land_late();
      check();
    }
    EXPECT_TRUE(done_);
    EXPECT_EQ(position(), kRows);
    check();
  }

  int killed = 0;
  int fenced = 0;
  int late = 0;

 private:
  void run_process() {
    const int epoch = ++epochs_;
    const fakes::Faults faults{.fate = [this](std::string_view step) { return fate(step); },
                               .land_late = [this](std::function<void()> effect) { late_.push_back(std::move(effect)); },
                               .process = epoch};
    fakes::FakeLakeTable rows(rows_, faults);
    fakes::FakeLakeTable dead_letters(dead_letters_, faults);
    DicedReader reader(rng_);
    Identities transform;
    const auto reject_rows = [](const std::vector<const Reject*>& rejects) {
      std::vector<RowId> ids;
      for (const Reject* reject : rejects) ids.push_back({reject->seq, 0});
      return Result<std::shared_ptr<arrow::RecordBatch>>(fakes::rows_of(ids));
    };
    const RetryPolicy at_once{.first = std::chrono::milliseconds(0), .max = std::chrono::milliseconds(0)};
    try {
      FileLoader loader({.reader = reader,
                         .transform = transform,
                         .rows = rows,
                         .dead_letters = dead_letters,
                         .reject_rows = reject_rows,
                         .may_commit = [] { return ok_status(); },
                         .moved = {}},
                        {.table = "t",
                         .shard = kShard,
                         .epoch = Epoch{epoch},
                         .commit_bytes = 1 + static_cast<int64_t>(rng_() % 80),
                         .retry = at_once});
      Status status = loader.take_over().status();
      if (status.ok()) status = loader.run({});
      if (status.code() == StatusCode::kFenced) ++fenced;
      if (!status.ok()) return;
      done_ = true;
      EXPECT_EQ(loader.position().value, kRows);
      EXPECT_EQ(loader.counts().events, kRows);
      EXPECT_EQ(loader.counts().rows(), expected(false).size());
    } catch (const fakes::Killed&) {
      ++killed;
    }
  }

  Fate fate(std::string_view step) {
    if (quiet_) return Fate::kDone;
    // Paused here while a newer process takes over.
    if (depth_ == 0 && rng_() % 60 == 0) {
      ++depth_;
      run_process();
      --depth_;
    }
    if (rng_() % 5 != 0) return Fate::kDone;
    constexpr std::array kFates{Fate::kUnavailable, Fate::kLostRequest, Fate::kLostAnswer,
                                Fate::kLate,        Fate::kKilledBefore, Fate::kKilledAfter};
    const Fate chosen = kFates[rng_() % kFates.size()];
    if (chosen == Fate::kLate && step == "lake.commit") ++late;
    return chosen;
  }

  void land_late() {
    for (const auto& effect : std::exchange(late_, {})) {
      if (rng_() % 2 == 0) effect();
    }
  }

  static std::vector<int64_t> expected(bool rejected, int64_t last = kRows) {
    std::vector<int64_t> rows;
    for (int64_t row = 1; row <= last; ++row) {
      if (is_rejected(row) == rejected) rows.push_back(row);
    }
    return rows;
  }

  static std::vector<int64_t> sequences(const fakes::LakeState& state, int64_t last) {
    std::vector<int64_t> found;
    for (const auto& batch : state.rows()) {
      const auto ids = row_ids(*batch).value();
      for (const RowId& id : ids) {
        if (id.seq.value <= last) found.push_back(id.seq.value);
      }
    }
    std::ranges::sort(found);
    return found;
  }

  int64_t position() const { return rows_.txn(position_app_id("t", kShard)).value_or(0); }

  // I1: the rows up to the position, once, and nothing above it; dead letters up to it likewise, once.
  void check() const {
    EXPECT_EQ(sequences(rows_, kRows), expected(false, position()));
    EXPECT_EQ(sequences(dead_letters_, position()), expected(true, position()));
    const std::vector<int64_t> all = sequences(dead_letters_, kRows);
    EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  }

  std::mt19937_64 rng_;
  fakes::LakeState rows_;
  fakes::LakeState dead_letters_;
  std::vector<std::function<void()>> late_;
  int epochs_ = 0;
  int depth_ = 0;
  bool quiet_ = false;
  bool done_ = false;
};

TEST(FileLoad, EveryRowLandsOnceHoweverItsStoresAndProcessesFail) {
  const char* only = std::getenv("WEIR_SIM_SEED");
  const uint64_t first = only == nullptr ? 1 : std::strtoull(only, nullptr, 10);
  const uint64_t last = only == nullptr ? 500 : first;
  int killed = 0;
  int fenced = 0;
  int late = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    World world(seed);
    world.run();
    ASSERT_FALSE(HasFailure()) << "replay with WEIR_SIM_SEED=" << seed;
    killed += world.killed;
    fenced += world.fenced;
    late += world.late;
  }
  std::printf("%d processes killed, %d fenced, %d late commits\n", killed, fenced, late);
}

}  // namespace
}  // namespace weir::backfill
