#include "app/lease_request.h"

#include "nats/kv_lease.h"

namespace weir::app {
namespace {

std::string request_key(std::string_view stream) { return "lease-wanted/" + nats::lease_key(stream, 0); }

}  // namespace

Status ask_for_lease(KeyValue& key_value, std::string_view stream) {
  const std::string key = request_key(stream);
  const auto entry = key_value.get(key);
  if (!entry.ok() && entry.status().code() != StatusCode::kNotFound) return entry.status();
  const Status put = key_value.put(key, "wanted", entry.ok() ? entry->revision : 0).status();
  // Somebody else asked in the same moment: that is as good.
  return put.code() == StatusCode::kConflict ? ok_status() : put;
}

LeaseRequests::LeaseRequests(KeyValue& key_value, std::string_view stream)
    : key_value_(key_value), key_(request_key(stream)) {
  seen_ = revision();
}

uint64_t LeaseRequests::revision() {
  const auto entry = key_value_.get(key_);
  if (entry.ok()) return entry->revision;
  return entry.status().code() == StatusCode::kNotFound ? 0 : seen_;
}

bool LeaseRequests::came() { return revision() != seen_; }

}  // namespace weir::app
