#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "nats/connection.h"
#include "nats/jetstream_api.h"
#include "ports/key_value.h"

namespace weir::nats {

struct KvBucketOptions {
  std::string bucket;    ///< `weir_<pipeline>`; letters, digits, `_` and `-`.
  int32_t replicas = 1;  ///< Of a bucket that is to be made: those of the stream it guards.
};

/// KeyValue on a NATS KV bucket (ADR-8 of the NATS architecture repository: a stream `KV_<bucket>` with subjects
/// `$KV.<bucket>.<key>`), so `nats kv` reads and edits the same. Reads go to the stream's leader. Thread-safe;
/// `connection` must outlive it.
class KvBucket final : public KeyValue {
 public:
  /// Makes the bucket if there is none: history 1, file storage. An existing one is taken as it is, unless its entries
  /// can expire or vanish (a TTL, memory storage): kInvalidArgument.
  [[nodiscard]] static Result<std::unique_ptr<KvBucket>> open(const Connection& connection, KvBucketOptions options);

  [[nodiscard]] Result<KeyValueEntry> get(std::string_view key) override;
  [[nodiscard]] Result<uint64_t> put(std::string_view key, std::string_view value, uint64_t expected) override;

 private:
  KvBucket(const Connection& connection, JetStreamApi api, std::string bucket);
  [[nodiscard]] Result<std::string> subject_of(std::string_view key) const;
  [[nodiscard]] Result<uint64_t> compare_and_set(const std::string& subject, std::string_view value, uint64_t expected);

  const Connection& connection_;
  const JetStreamApi api_;
  const std::string stream_;
  const std::string subject_prefix_;
};

/// `text` as one part of a key: whatever a key may not hold, and `=`, `/` and `.`, becomes `=` and two hexadecimal
/// digits. Different texts give different parts.
[[nodiscard]] std::string key_part(std::string_view text);

}  // namespace weir::nats
