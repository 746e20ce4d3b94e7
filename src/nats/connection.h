#pragma once

#include <nats/nats.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "nats/options.h"
#include "nats/status_mapping.h"

namespace weir::nats {

/// Deleter of the client library's objects, so that they live in unique_ptr.
struct NatsDeleter {
  void operator()(natsMsg* msg) const { natsMsg_Destroy(msg); }
  void operator()(natsSubscription* subscription) const { natsSubscription_Destroy(subscription); }
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
  void operator()(jsCtx* context) const { jsCtx_Destroy(context); }
};
using MsgPtr = std::unique_ptr<natsMsg, NatsDeleter>;
using SubscriptionPtr = std::unique_ptr<natsSubscription, NatsDeleter>;
using OptionsPtr = std::unique_ptr<natsOptions, NatsDeleter>;
using JsContextPtr = std::unique_ptr<jsCtx, NatsDeleter>;

/// One connection to NATS that comes back by itself, for ever, with pauses that grow. Thread-safe; outlives everything
/// made from it. It gives up only when the server refuses our credentials: then every call says kPermissionDenied.
class Connection {
 public:
  /// Connects once. kUnavailable: nobody listens there; kPermissionDenied: the credentials were refused;
  /// kInvalidArgument: a malformed URL, a missing file, or TLS that does not fit.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const ConnectionOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Ok when connected now; else kUnavailable, or kPermissionDenied when it has given up.
  [[nodiscard]] Status check() const;

  /// Waits until connected, at most `timeout`; returns what check() says then.
  [[nodiscard]] Status wait_connected(std::chrono::milliseconds timeout, const std::stop_token& stop) const;

  /// Grows whenever the connection was lost or came back: whoever holds state on the server compares it with the value
  /// it knows and starts over (positions are recounted, consumers re-created) when it has grown.
  [[nodiscard]] uint64_t generation() const;

  /// How often it came back.
  [[nodiscard]] uint64_t reconnects() const;

  /// One request and its answer, within options().request_timeout. Sends nothing while disconnected (kUnavailable), so
  /// no write is ever delivered late from a buffer. A refused subject is kPermissionDenied.
  [[nodiscard]] Result<MsgPtr> request(const std::string& subject, std::string_view payload, Effect effect) const;

  /// The same for a message with headers; takes its subject and payload from `message`.
  [[nodiscard]] Result<MsgPtr> request(natsMsg& message, Effect effect) const;

  [[nodiscard]] const ConnectionOptions& options() const { return options_; }

  /// For the adapters of this module.
  [[nodiscard]] natsConnection* raw() const { return connection_; }

 private:
  struct Events;
  Connection(const ConnectionOptions& options, std::unique_ptr<Events> events, natsConnection* connection);
  [[nodiscard]] Result<MsgPtr> answered(natsStatus status, natsMsg* answer, Effect effect, const std::string& subject,
                                        uint64_t violations_before) const;

  const ConnectionOptions options_;
  const std::unique_ptr<Events> events_;
  natsConnection* const connection_;
};

}  // namespace weir::nats
