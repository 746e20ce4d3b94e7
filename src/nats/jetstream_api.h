#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "nats/connection.h"

namespace weir::nats {

enum class Retention { kLimits, kInterest, kWorkQueue };
[[nodiscard]] std::string_view to_string(Retention retention);

/// A stream as the server describes it. Sequences are the stream's own, without base.
struct StreamInfo {
  std::string name;
  int64_t created_us = 0;  ///< Microseconds UTC; names the life of the stream.
  std::vector<std::string> subjects;
  Retention retention = Retention::kLimits;
  bool file_storage = true;
  int32_t replicas = 1;
  bool limited = false;   ///< Removes its oldest messages by age, count or size.
  bool expires = false;   ///< Among the limits is one of age.
  int64_t first_seq = 1;  ///< First retained; last_seq + 1 when the stream is empty.
  int64_t last_seq = 0;   ///< Last ever given out.
  int64_t last_time_us = 0;
  int64_t messages = 0;
  int64_t bytes = 0;
  int64_t consumers = 0;
};

/// A consumer as the server describes it.
struct ConsumerInfo {
  std::string name;
  int64_t delivered_consumer_seq = 0;
  int64_t delivered_stream_seq = 0;
  int64_t num_pending = 0;
};

/// One stored message, read by sequence.
struct StoredMessage {
  MsgPtr message;  ///< Subject, headers and payload.
  int64_t seq = 0;
  int64_t time_us = 0;
};

/// The JetStream management calls, in JSON over one connection. The client library's own calls lack several filters per
/// consumer and the server's spelling of times. Thread-safe; the connection must outlive it.
/// Every call: kUnavailable when the server is away, kPermissionDenied when it forbids the call.
class JetStreamApi {
 public:
  [[nodiscard]] static Result<JetStreamApi> open(const Connection& connection);

  /// `$JS.API.<call>` with `body` (null: empty). The answer's error object becomes the Status.
  [[nodiscard]] Result<nlohmann::json> call(const std::string& call, const nlohmann::json& body, Effect effect) const;

  /// kNotFound when there is no such stream.
  [[nodiscard]] Result<StreamInfo> stream_info(const std::string& stream) const;

  /// kNotFound when the message was deleted, trimmed, or not stored yet.
  [[nodiscard]] Result<StoredMessage> message_at(const std::string& stream, int64_t seq) const;

  /// Newest message of a subject. kNotFound when there is none.
  [[nodiscard]] Result<StoredMessage> last_message(const std::string& stream, const std::string& subject) const;

  /// Sequence of the first message at or after `from` whose subject matches `filter`, read from the store itself;
  /// 0 when there is none.
  [[nodiscard]] Result<int64_t> next_matching(const std::string& stream, int64_t from, const std::string& filter) const;

 private:
  JetStreamApi(const Connection& connection, JsContextPtr context)
      : connection_(&connection), context_(std::move(context)) {}
  [[nodiscard]] Result<StoredMessage> stored(natsStatus status, jsErrCode error, natsMsg* message,
                                             const std::string& what) const;

  const Connection* connection_;
  JsContextPtr context_;
};

/// Microseconds since 1970 of an RFC 3339 UTC time with up to nanoseconds; 0 when it is malformed or year 1 ("never").
[[nodiscard]] int64_t rfc3339_to_us(std::string_view text);

}  // namespace weir::nats
