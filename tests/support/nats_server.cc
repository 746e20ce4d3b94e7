#include "tests/support/nats_server.h"

#include <cstdlib>
#include <stdexcept>

namespace weir::test {
namespace {

namespace fs = std::filesystem;

void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.to_string());  // a test without its server makes no sense
}

}  // namespace

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "weir_test_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

NatsServer::NatsServer(NatsServerOptions options) {
  auto binary = nats::find_server_binary(WEIR_CACHE_DIR);
  require(binary.status());
  auto server = nats::EmbeddedServer::start({.folder = folder_.path() / "nats",
                                             .binary = *binary,
                                             .user = options.user,
                                             .password = options.password,
                                             .extra_config = options.extra_config});
  require(server.status());
  server_ = std::move(server).value();
}

void NatsServer::restart() { require(server_->restart()); }

void NatsServer::save_store() {
  fs::remove_all(folder_.path() / "saved");
  fs::copy(store_folder(), folder_.path() / "saved", fs::copy_options::recursive);
}

void NatsServer::restore_store() {
  fs::remove_all(store_folder());
  fs::copy(folder_.path() / "saved", store_folder(), fs::copy_options::recursive);
}

}  // namespace weir::test
