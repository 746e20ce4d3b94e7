#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "nats/jetstream_api.h"

namespace weir::nats {

/// A stream to be made.
struct StreamSpec {
  std::string name;
  std::vector<std::string> subjects;
  Retention retention = Retention::kLimits;
  bool file_storage = true;
  int32_t replicas = 1;
  int64_t max_messages = -1;  ///< Older ones go first; -1: no limit.
  int64_t max_bytes = -1;
  std::chrono::milliseconds max_age{0};  ///< 0: for ever.
};

/// Streams as a whole: what demo, doctor and tests do to them. Ingest itself never changes a stream.
/// Thread-safe; `connection` must outlive it. Failures as JetStreamApi says.
class StreamAdmin {
 public:
  [[nodiscard]] static Result<StreamAdmin> open(const Connection& connection);

  /// kAlreadyExists when one of this name is there with another configuration; ok when it is there as wanted.
  [[nodiscard]] Status create(const StreamSpec& spec) const;
  [[nodiscard]] Result<StreamInfo> info(const std::string& stream) const { return api_.stream_info(stream); }
  [[nodiscard]] Result<std::vector<std::string>> streams() const;
  [[nodiscard]] Result<std::vector<ConsumerInfo>> consumers(const std::string& stream) const;
  [[nodiscard]] Status remove(const std::string& stream) const;
  [[nodiscard]] Status remove_consumer(const std::string& stream, const std::string& consumer) const;
  /// Removes one message; the others keep their sequences.
  [[nodiscard]] Status remove_message(const std::string& stream, int64_t seq) const;
  /// Removes everything below `keep_from`; 0: everything.
  [[nodiscard]] Status purge(const std::string& stream, int64_t keep_from = 0) const;

 private:
  explicit StreamAdmin(JetStreamApi api) : api_(std::move(api)) {}
  JetStreamApi api_;
};

/// Ok when every one of `subjects` lies inside one of the stream's own; else kInvalidArgument naming the first that
/// does not and what the stream has.
[[nodiscard]] Status check_subjects(const StreamInfo& stream, std::span<const std::string> subjects);

}  // namespace weir::nats
