#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "nats/connection.h"

namespace weir::nats {

struct PublisherOptions {
  int64_t pending_max = 4'096;                       ///< Messages under way without an answer; then publish() waits.
  std::chrono::milliseconds answer_timeout{10'000};  ///< Of one message, and of finding room for it.
};

/// Publishes into JetStream without waiting for each answer. For demo, dead-letter replay tools, bench and tests.
/// One thread at a time; `connection` must outlive it.
class Publisher {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Publisher>> open(const Connection& connection,
                                                               PublisherOptions options = {});
  /// Does not wait for answers: flush() first.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  struct Outgoing {
    std::string_view payload;
    std::string_view message_id;  ///< The stream drops a second one within its duplicate window; empty: none.
    std::span<const std::pair<std::string, std::string>> headers;
  };

  /// Sends one message to `subject`. Its answer is seen by flush(). kUnavailable: not sent.
  [[nodiscard]] Status publish(const std::string& subject, const Outgoing& message);

  /// Sends all payloads in order.
  [[nodiscard]] Status publish(const std::string& subject, std::span<const std::string> payloads);

  /// Waits for every answer. The first refusal since the last flush, if any: kOutcomeUnknown when an answer never came,
  /// kNotFound when no stream takes the subject, else what the server said.
  [[nodiscard]] Status flush();

  /// Messages the stream has confirmed since the beginning.
  [[nodiscard]] int64_t confirmed() const;

 private:
  struct Answers;
  Publisher(const Connection& connection, PublisherOptions options, std::unique_ptr<Answers> answers,
            JsContextPtr context);

  const Connection& connection_;
  const PublisherOptions options_;
  const std::unique_ptr<Answers> answers_;  // before context_: its callbacks write here
  JsContextPtr context_;
};

}  // namespace weir::nats
