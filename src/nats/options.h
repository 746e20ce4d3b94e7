#pragma once

#include <chrono>
#include <string>

#include "base/retry.h"

namespace weir::nats {

/// How to reach a NATS server or cluster. Secrets are values here: config resolves `password_env` and the like.
struct ConnectionOptions {
  std::string url = "nats://127.0.0.1:4222";  ///< One or more, separated by commas; `tls://` demands TLS.
  std::string name = "weir";                  ///< Shown by the server's connection list.
  std::string credentials_file;               ///< JWT and seed, as made by `nsc`.
  std::string user;
  std::string password;
  std::string token;
  std::string tls_ca;    ///< PEM file; empty: the system's.
  std::string tls_cert;  ///< PEM file of the client certificate; needs tls_key.
  std::string tls_key;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{5'000};  ///< One JetStream API call, also a KV write.
  std::chrono::milliseconds ping_interval{10'000};   ///< Two unanswered pings: the connection counts as lost.
  RetryPolicy reconnect{.first = std::chrono::milliseconds(50), .max = std::chrono::milliseconds(2'000)};
};

}  // namespace weir::nats
