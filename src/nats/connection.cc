#include "nats/connection.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

namespace weir::nats {

/// What the library's callback thread tells us. Lives until the library said "closed", its last callback.
struct Connection::Events {
  explicit Events(const RetryPolicy& policy) : reconnect(policy) {}

  const RetryPolicy reconnect;
  mutable std::mutex mutex;
  mutable std::condition_variable_any changed;
  bool connected = true;
  bool closed = false;
  uint64_t generation = 0;
  uint64_t reconnects = 0;
  uint64_t violations = 0;  // permission violations reported so far
  std::string last_violation;
  std::minstd_rand random{std::random_device{}()};

  static void on_disconnected(natsConnection*, void* closure) {
    auto* self = static_cast<Events*>(closure);
    std::lock_guard lock(self->mutex);
    self->connected = false;
    ++self->generation;
    self->changed.notify_all();
  }

  static void on_reconnected(natsConnection*, void* closure) {
    auto* self = static_cast<Events*>(closure);
    std::lock_guard lock(self->mutex);
    self->connected = true;
    ++self->generation;
    ++self->reconnects;
    self->changed.notify_all();
  }

  static void on_closed(natsConnection*, void* closure) {
    auto* self = static_cast<Events*>(closure);
    std::lock_guard lock(self->mutex);
    self->connected = false;
    self->closed = true;
    ++self->generation;
    self->changed.notify_all();
  }

  static void on_error(natsConnection* connection, natsSubscription*, natsStatus status, void* closure) {
    if (status != NATS_NOT_PERMITTED) return;
    auto* self = static_cast<Events*>(closure);
    const char* text = nullptr;
    natsConnection_GetLastError(connection, &text);
    std::lock_guard lock(self->mutex);
    ++self->violations;
    self->last_violation = text == nullptr ? "permissions violation" : text;
    self->changed.notify_all();
  }

  static int64_t delay(natsConnection*, int attempts, void* closure) {
    auto* self = static_cast<Events*>(closure);
    std::lock_guard lock(self->mutex);
    const double jitter = std::uniform_real_distribution<double>(0, 1)(self->random);
    return self->reconnect.delay(attempts > 0 ? attempts - 1 : 0, jitter).count();
  }
};

namespace {

std::vector<std::string> split_urls(const std::string& urls) {
  std::vector<std::string> result;
  size_t from = 0;
  while (from <= urls.size()) {
    const size_t comma = std::min(urls.find(',', from), urls.size());
    const size_t first = urls.find_first_not_of(' ', from);
    if (first < comma) {
      const size_t last = urls.find_last_not_of(' ', comma - 1);
      result.push_back(urls.substr(first, last - first + 1));
    }
    from = comma + 1;
  }
  return result;
}

/// The client library (seen in 3.4.1) pastes these texts into its JSON greeting as they are: a quote in a password
/// would end it early. So they go in as the inside of a JSON string.
std::string inside_json(const std::string& text) {
  const std::string quoted = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

bool wants_tls(const ConnectionOptions& options) {
  return !options.tls_ca.empty() || !options.tls_cert.empty() || options.url.find("tls://") != std::string::npos;
}

Status set_credentials(natsOptions* to, const ConnectionOptions& options) {
  if (!options.credentials_file.empty()) {
    WEIR_RETURN_IF_ERROR(
        from_nats(natsOptions_SetUserCredentialsFromFiles(to, options.credentials_file.c_str(), nullptr),
                  Effect::kReads, "nats credentials_file " + options.credentials_file));
  }
  if (!options.user.empty()) {
    WEIR_RETURN_IF_ERROR(
        from_nats(natsOptions_SetUserInfo(to, inside_json(options.user).c_str(), inside_json(options.password).c_str()),
                  Effect::kReads, "nats user"));
  }
  if (!options.token.empty()) {
    WEIR_RETURN_IF_ERROR(
        from_nats(natsOptions_SetToken(to, inside_json(options.token).c_str()), Effect::kReads, "nats token"));
  }
  return ok_status();
}

Status set_tls(natsOptions* to, const ConnectionOptions& options) {
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return invalid_argument("nats tls_cert and tls_key belong together: only one of them is set");
  }
  if (!wants_tls(options)) return ok_status();
  WEIR_RETURN_IF_ERROR(from_nats(natsOptions_SetSecure(to, true), Effect::kReads, "nats TLS"));
  // A wrong file is wrong configuration, whatever code the TLS library has for it.
  const auto load = [](natsStatus status, const std::string& what) {
    const Status loaded = from_nats(status, Effect::kReads, what);
    return loaded.ok() ? loaded : invalid_argument(loaded.message());
  };
  if (!options.tls_ca.empty()) {
    WEIR_RETURN_IF_ERROR(
        load(natsOptions_LoadCATrustedCertificates(to, options.tls_ca.c_str()), "nats tls_ca " + options.tls_ca));
  }
  if (!options.tls_cert.empty()) {
    WEIR_RETURN_IF_ERROR(load(natsOptions_LoadCertificatesChain(to, options.tls_cert.c_str(), options.tls_key.c_str()),
                              "nats tls_cert " + options.tls_cert + " with tls_key " + options.tls_key));
  }
  return ok_status();
}

Status set_servers_and_timeouts(natsOptions* to, const ConnectionOptions& options) {
  const std::vector<std::string> urls = split_urls(options.url);
  if (urls.empty()) return invalid_argument("nats url is empty");
  std::vector<const char*> pointers;
  pointers.reserve(urls.size());
  for (const std::string& url : urls) pointers.push_back(url.c_str());
  WEIR_RETURN_IF_ERROR(from_nats(natsOptions_SetServers(to, pointers.data(), static_cast<int>(pointers.size())),
                                 Effect::kReads, "nats url " + options.url));
  natsStatus status = natsOptions_SetName(to, inside_json(options.name).c_str());
  if (status == NATS_OK) status = natsOptions_SetTimeout(to, options.connect_timeout.count());
  if (status == NATS_OK) status = natsOptions_SetPingInterval(to, options.ping_interval.count());
  if (status == NATS_OK) status = natsOptions_SetMaxPingsOut(to, 2);
  if (status == NATS_OK) status = natsOptions_SetMaxReconnect(to, -1);
  if (status == NATS_OK) status = natsOptions_SetFailRequestsOnDisconnect(to, true);
  // One byte: what is published while disconnected fails at once. A write that sits in a buffer and is delivered
  // minutes later, after its caller has given it up, is what this avoids.
  if (status == NATS_OK) status = natsOptions_SetReconnectBufSize(to, 1);
  return from_nats(status, Effect::kReads, "nats options");
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const ConnectionOptions& options) {
  natsOptions* raw_options = nullptr;
  WEIR_RETURN_IF_ERROR(from_nats(natsOptions_Create(&raw_options), Effect::kReads, "nats options"));
  const OptionsPtr library_options(raw_options);
  WEIR_RETURN_IF_ERROR(set_servers_and_timeouts(raw_options, options));
  WEIR_RETURN_IF_ERROR(set_credentials(raw_options, options));
  WEIR_RETURN_IF_ERROR(set_tls(raw_options, options));

  auto events = std::make_unique<Events>(options.reconnect);
  natsStatus status = natsOptions_SetDisconnectedCB(raw_options, Events::on_disconnected, events.get());
  if (status == NATS_OK) status = natsOptions_SetReconnectedCB(raw_options, Events::on_reconnected, events.get());
  if (status == NATS_OK) status = natsOptions_SetClosedCB(raw_options, Events::on_closed, events.get());
  if (status == NATS_OK) status = natsOptions_SetErrorHandler(raw_options, Events::on_error, events.get());
  if (status == NATS_OK) status = natsOptions_SetCustomReconnectDelay(raw_options, Events::delay, events.get());
  WEIR_RETURN_IF_ERROR(from_nats(status, Effect::kReads, "nats options"));

  natsConnection* connection = nullptr;
  status = natsConnection_Connect(&connection, raw_options);
  if (status != NATS_OK) {
    std::string what = "cannot connect to NATS at " + options.url;
    if (status == NATS_PROTOCOL_ERROR && wants_tls(options) && options.tls_cert.empty()) {
      what += " (a server that asks for a certificate of ours ends the connection like this: tls_cert and tls_key)";
    }
    const Status failed = from_nats(status, Effect::kReads, what);
    // While connecting, a time-out or a cut means that nobody serves there.
    return failed.code() == StatusCode::kInternal ? unavailable(failed.message()) : failed;
  }
  return std::unique_ptr<Connection>(new Connection(options, std::move(events), connection));
}

Connection::Connection(const ConnectionOptions& options, std::unique_ptr<Events> events, natsConnection* connection)
    : options_(options), events_(std::move(events)), connection_(connection) {}

Connection::~Connection() {
  natsConnection_Close(connection_);
  {
    // "Closed" is the last callback; after it nothing refers to events_ any more.
    std::unique_lock lock(events_->mutex);
    events_->changed.wait(lock, [&] { return events_->closed; });
  }
  natsConnection_Destroy(connection_);
}

Status Connection::check() const {
  std::lock_guard lock(events_->mutex);
  if (events_->connected) return ok_status();
  if (!events_->closed) return unavailable("NATS at " + options_.url + " is not reachable; reconnecting");
  return permission_denied("NATS at " + options_.url + " closed the connection for good: our credentials were refused");
}

Status Connection::wait_connected(std::chrono::milliseconds timeout, const std::stop_token& stop) const {
  {
    std::unique_lock lock(events_->mutex);
    events_->changed.wait_for(lock, stop, timeout, [&] { return events_->connected || events_->closed; });
  }
  return check();
}

uint64_t Connection::generation() const {
  std::lock_guard lock(events_->mutex);
  return events_->generation;
}

uint64_t Connection::reconnects() const {
  std::lock_guard lock(events_->mutex);
  return events_->reconnects;
}

Result<MsgPtr> Connection::request(const std::string& subject, std::string_view payload, Effect effect) const {
  WEIR_RETURN_IF_ERROR(check().with_context(subject));
  const uint64_t violations = [&] {
    std::lock_guard lock(events_->mutex);
    return events_->violations;
  }();
  natsMsg* answer = nullptr;
  const natsStatus status = natsConnection_Request(&answer, connection_, subject.c_str(), payload.data(),
                                                   static_cast<int>(payload.size()), options_.request_timeout.count());
  return answered(status, answer, effect, subject, violations);
}

Result<MsgPtr> Connection::request(natsMsg& message, Effect effect) const {
  const std::string subject = natsMsg_GetSubject(&message);
  WEIR_RETURN_IF_ERROR(check().with_context(subject));
  const uint64_t violations = [&] {
    std::lock_guard lock(events_->mutex);
    return events_->violations;
  }();
  natsMsg* answer = nullptr;
  const natsStatus status = natsConnection_RequestMsg(&answer, connection_, &message, options_.request_timeout.count());
  return answered(status, answer, effect, subject, violations);
}

Result<MsgPtr> Connection::answered(natsStatus status, natsMsg* answer, Effect effect, const std::string& subject,
                                    uint64_t violations_before) const {
  if (status == NATS_OK) return MsgPtr(answer);
  if (status == NATS_TIMEOUT) {
    // The server does not answer a request that it forbids; it reports the violation on the side.
    std::lock_guard lock(events_->mutex);
    if (events_->violations != violations_before && events_->last_violation.find(subject) != std::string::npos) {
      return permission_denied(subject + ": " + events_->last_violation);
    }
  }
  return from_nats(status, effect, subject);
}

}  // namespace weir::nats
