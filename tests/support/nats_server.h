#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/status.h"
#include "nats/embedded_server.h"

namespace weir::test {

/// A folder below the system's temporary one, removed with everything in it at the end.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct NatsServerOptions {
  std::string user;  ///< Empty: everybody may connect.
  std::string password;
  std::string extra_config;
};

/// A real nats-server with JetStream on a free port and a store of its own; gone with this object, at the latest with
/// the thread that made it. A server that cannot start fails the test at once.
class NatsServer {
 public:
  explicit NatsServer(NatsServerOptions options = {});

  [[nodiscard]] std::string url() const { return server_->url(); }
  [[nodiscard]] std::filesystem::path store_folder() const { return server_->store_folder(); }
  [[nodiscard]] nats::EmbeddedServer& process() { return *server_; }

  void stop() { server_->stop(); }
  void kill() { server_->kill(); }
  /// Same port, same store. Requires: stopped or killed.
  void restart();

  /// Copies the store aside / puts the copy back: a server that lost what came in between. Requires: stopped or killed.
  void save_store();
  void restore_store();

 private:
  TempFolder folder_;
  std::unique_ptr<nats::EmbeddedServer> server_;
};

}  // namespace weir::test
