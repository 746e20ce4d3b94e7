#include "http/server.h"

#include <httplib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "http/access.h"
#include "http/connection_stream.h"
#include "http/status_json.h"
#include "http/status_page.h"
#include "http/worker_pool.h"

namespace weir {
namespace {

constexpr const char* kJson = "application/json";
// The page brings its own script and style and may talk to this server only.
constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

/// Hands httplib's connections to a WorkerPool; httplib's own pool has no bound. httplib deletes it.
class BoundedTaskQueue final : public httplib::TaskQueue {
 public:
  explicit BoundedTaskQueue(const HttpOptions& options)
      : pool_(options.threads, static_cast<size_t>(options.waiting_connections_max)) {}
  void enqueue(std::function<void()> fn) override { pool_.add(std::move(fn)); }
  void shutdown() override { pool_.finish(); }

 private:
  WorkerPool pool_;
};

/// httplib's server with one exchange per connection, over a ConnectionStream.
class BoundedServer final : public httplib::Server {
 public:
  /// `stop_fd`: see ConnectionStream.
  BoundedServer(const HttpOptions& options, int stop_fd) : options_(options), stop_fd_(stop_fd) {}

  /// httplib lets five connections wait in the kernel; the sixth of a burst would come back a second later.
  void deepen_backlog() { ::listen(svr_sock_, SOMAXCONN); }

 private:
  bool process_and_close_socket(socket_t socket) override {
    ConnectionStream stream(socket, stop_fd_, options_.request_bytes_max, options_.exchange_time_max);
    bool closed = false;
    const bool answered = process_request(stream, /*close_connection=*/true, closed, nullptr);
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return answered;
  }

  const HttpOptions options_;
  const int stop_fd_;
};

// httplib also sets SO_REUSEPORT, under which a second process binds the same port without an error.
void set_listen_options(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

bool is_loopback_address(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

void refuse(httplib::Response& response, int code, const char* reason) {
  response.status = code;
  response.set_content(std::string("{\"error\":\"") + reason + "\"}", kJson);
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpOptions& options, HttpContent content)
      : options_(options),
        content_(std::move(content)),
        access_(options.token),
        stop_fd_(::eventfd(0, EFD_CLOEXEC)),
        server_(options, stop_fd_) {
    server_.set_socket_options(set_listen_options);
    server_.set_payload_max_length(static_cast<size_t>(options_.request_bytes_max));
    server_.set_default_headers({{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
    add_routes();
  }

  ~Impl() {
    stop();
    if (stop_fd_ >= 0) ::close(stop_fd_);
  }

  Status start() {
    if (stop_fd_ < 0) return resource_exhausted("http: no file descriptor left");
    if (options_.port == 0) {
      port_ = server_.bind_to_any_port(options_.host);
    } else if (server_.bind_to_port(options_.host, options_.port)) {
      port_ = options_.port;
    }
    if (port_ <= 0) {
      return unavailable("http: cannot listen on " + options_.host + ":" + std::to_string(options_.port) +
                         "; the port is taken or the address is not of this machine");
    }
    server_.deepen_backlog();
    // httplib's stop() does nothing before its loop runs; the loop asks for the task queue when it does.
    auto running = std::make_shared<std::promise<void>>();
    server_.new_task_queue = [this, running] {
      auto* queue = new BoundedTaskQueue(options_);
      running->set_value();
      return queue;
    };
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    running->get_future().wait();
    return ok_status();
  }

  [[nodiscard]] uint16_t port() const { return static_cast<uint16_t>(port_); }

  void stop() {
    const std::lock_guard lock(stop_mutex_);
    if (!thread_.joinable()) return;
    ::eventfd_write(stop_fd_, 1);
    server_.stop();
    thread_.join();
  }

 private:
  using Answer = std::function<void(httplib::Response&)>;

  void add_routes() {
    server_.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    server_.Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_header("Content-Security-Policy", kPagePolicy);
      response.set_content(status_page().data(), status_page().size(), "text/html; charset=utf-8");
    });
    guarded("/readyz", [this](httplib::Response& response) {
      const StatusSnapshot snapshot = content_.status();
      response.status = snapshot.not_ready.empty() ? 200 : 503;
      response.set_content(render_readiness_json(snapshot), kJson);
    });
    guarded("/metrics", [this](httplib::Response& response) {
      response.set_content(content_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    guarded("/api/v1/status", [this](httplib::Response& response) {
      response.set_content(render_status_json(content_.status()), kJson);
    });
    guarded("/api/v1/tables", [this](httplib::Response& response) {
      response.set_content(render_tables_json(content_.status()), kJson);
    });
    if (content_.backfills) {
      guarded("/api/v1/backfills",
              [this](httplib::Response& response) { response.set_content(content_.backfills(), kJson); });
    }
    // Exceptions end here; their text may name what a stranger should not read.
    server_.set_exception_handler([](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
      refuse(response, 500, "internal error");
    });
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty()) refuse(response, response.status, "no such page");
    });
  }

  void guarded(const std::string& path, Answer answer) {
    server_.Get(path, [this, answer = std::move(answer)](const httplib::Request& request, httplib::Response& response) {
      switch (access_.judge(request.get_header_value("Authorization"), request.get_header_value("Host"))) {
        case AccessRule::Verdict::kAllowed: answer(response); return;
        case AccessRule::Verdict::kUnauthorized:
          response.set_header("WWW-Authenticate", "Bearer realm=\"weir\"");
          refuse(response, 401, "a bearer token is needed");
          return;
        case AccessRule::Verdict::kForeignHost:
          refuse(response, 403, "the Host header does not name this machine's loopback");
          return;
      }
    });
  }

  const HttpOptions options_;
  const HttpContent content_;
  const AccessRule access_;
  const int stop_fd_;
  BoundedServer server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex stop_mutex_;
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpOptions& options, HttpContent content) {
  if (options.token.empty() && !is_loopback_address(options.host)) {
    return invalid_argument("http: " + options.host + " is not a loopback address; a token is needed");
  }
  auto impl = std::make_unique<Impl>(options, std::move(content));
  WEIR_RETURN_IF_ERROR(impl->start());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
uint16_t HttpServer::port() const { return impl_->port(); }
void HttpServer::stop() { impl_->stop(); }

}  // namespace weir
