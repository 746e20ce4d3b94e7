#include "http/status_client.h"

#include <httplib.h>

namespace weir {
namespace {

constexpr size_t kBodyBytesMax = size_t{16} << 20;

}  // namespace

Result<std::string> http_get(const HttpTarget& target, const std::string& path) {
  const std::string place = "http://" + target.host + ":" + std::to_string(target.port) + path;
  httplib::Client client(target.host, target.port);
  client.set_connection_timeout(1);
  client.set_read_timeout(3);
  httplib::Headers headers;
  if (!target.token.empty()) headers.emplace("Authorization", "Bearer " + target.token);
  std::string body;
  const auto answer = client.Get(path, headers, [&](const char* data, size_t size) {
    body.append(data, size);
    return body.size() <= kBodyBytesMax;  // False cancels.
  });
  if (!answer && answer.error() == httplib::Error::Canceled) return rejected(place + " answers with more than 16 MiB");
  if (!answer) return unavailable(place + " does not answer: " + httplib::to_string(answer.error()));
  if (answer->status == 401 || answer->status == 403) return permission_denied(place + " asks for another token");
  if (answer->status == 404) return not_found(place + " is not there");
  if (answer->status != 200) return rejected(place + " answered " + std::to_string(answer->status));
  return body;
}

}  // namespace weir
