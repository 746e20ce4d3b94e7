#include "web/status_mapping.h"

#include <curl/curl.h>

#include <string>

namespace weir::web {

Status from_transport(int curl_code, std::string_view detail, bool body_started) {
  std::string text = curl_easy_strerror(static_cast<CURLcode>(curl_code));
  if (!detail.empty()) text += ": " + std::string(detail);
  switch (static_cast<CURLcode>(curl_code)) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CACERT_BADFILE: return invalid_argument(std::move(text));
    default: break;
  }
  return body_started ? outcome_unknown(std::move(text)) : unavailable(std::move(text));
}

}  // namespace weir::web
