#pragma once

#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>

#include "app/pipeline_run.h"
#include "base/status.h"
#include "trino/client.h"
#include "trino/embedded_server.h"

namespace weir::cli {

/// The demo's Trino: a real server over the demo's lake and ClickHouse. Ends with it.
class DemoTrino {
 public:
  /// Writes what `weir trino FILE --out` writes into `folder` and starts a server on it. Call on the main thread.
  [[nodiscard]] static Result<std::unique_ptr<DemoTrino>> start(const PipelineConfig& config, app::PipelineRun& run,
                                                                const std::filesystem::path& folder, int port);

  /// Waits until the view of the flights shows `rows` of them, and prints what it says of itself, a query over both tables
  /// and how a tool connects. False: it does not come to show them.
  [[nodiscard]] bool print(int64_t rows, std::ostream& out);

 private:
  DemoTrino(std::unique_ptr<trino::EmbeddedServer> server, std::unique_ptr<trino::Client> client, std::string address)
      : server_(std::move(server)), client_(std::move(client)), address_(std::move(address)) {}

  const std::unique_ptr<trino::EmbeddedServer> server_;
  const std::unique_ptr<trino::Client> client_;
  const std::string address_;  // host:port
};

}  // namespace weir::cli
