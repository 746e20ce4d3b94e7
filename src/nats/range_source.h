#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "nats/connection.h"
#include "nats/jetstream_api.h"
#include "nats/stream_identity.h"
#include "ports/event_source.h"

namespace weir::nats {

struct RangeSourceOptions {
  std::string stream;
  int64_t base = 0;                           ///< Of the stream's incarnation: Seq = stream sequence + base.
  int64_t sequences_max = 1'000'000;          ///< Of one range.
  std::chrono::milliseconds gather{2'000};    ///< How long a range waits for more events before it is handed out.
};

/// A range to be read by others: it has no message here.
class UnreadRange final : public MessageBatch {
 public:
  /// What is asked of the stream once others have read the range.
  enum class Question { kTheSame, kReadable };

  /// `ask`: see still_the_same() and still_readable().
  UnreadRange(SeqRange range, std::function<bool()> unwanted, std::function<Status(Question)> ask)
      : range_(range), unwanted_(std::move(unwanted)), ask_(std::move(ask)) {}
  SeqRange range() const override { return range_; }
  std::span<const Message> messages() const override { return {}; }
  int64_t bytes() const override { return 0; }
  /// True once nobody wants the range's rows any more.
  [[nodiscard]] bool unwanted() const { return unwanted_(); }
  /// kDataLoss: since it was handed out the stream became another one, or lost what it held and has other events there. Whether
  /// it still holds the range does not matter. Both require: the source is still there.
  [[nodiscard]] Status still_the_same() const { return ask_(Question::kTheSame); }
  /// kDataLoss also when the stream no longer holds all of the range.
  [[nodiscard]] Status still_readable() const { return ask_(Question::kReadable); }

 private:
  const SeqRange range_;
  const std::function<bool()> unwanted_;
  const std::function<Status(Question)> ask_;
};

/// EventSource that hands out what the stream holds as ranges without reading it (UnreadRange), for those who have others
/// read. Before each range the stream has to prove that it is the one it was at the last. Streams with limits retention
/// only. Thread-safety and failures as EventSource says; `connection` and `clock` must outlive it.
class RangeSource final : public EventSource {
 public:
  /// Asks nothing of the server.
  [[nodiscard]] static Result<std::unique_ptr<RangeSource>> create(const Connection& connection, const Clock& clock,
                                                                   RangeSourceOptions options);

  [[nodiscard]] Status seek(Seq first, const std::optional<StreamIdentity>& identity) override;
  [[nodiscard]] Result<std::unique_ptr<MessageBatch>> next(const ReadLimits& limits, std::stop_token stop) override;
  /// Nothing is acked in such a stream.
  [[nodiscard]] Status release_through(Seq seq) override;
  [[nodiscard]] Result<StreamState> state() override;

  /// From now on nobody wants the rows of any range. Any thread.
  void give_up() { given_up_ = true; }

 private:
  RangeSource(const Clock& clock, RangeSourceOptions options, JetStreamApi api)
      : clock_(clock), options_(std::move(options)), api_(std::move(api)) {}

  /// kDataLoss unless the stream is the one that is known, and holds everything from `first` on; empty: whatever it holds.
  [[nodiscard]] Result<StreamInfo> check_stream(std::optional<Seq> first);
  [[nodiscard]] Result<TimeAtPosition> time_at(int64_t seq) const;

  const Clock& clock_;
  const RangeSourceOptions options_;
  const JetStreamApi api_;
  Seq next_{1};
  std::optional<StreamIdentity> known_;  // The stream as it was when the highest range was handed out.
  std::atomic<bool> given_up_{false};
  std::optional<std::chrono::steady_clock::time_point> waiting_since_;  // Events are there that were not handed out.
};

}  // namespace weir::nats
