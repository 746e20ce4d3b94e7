#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "audit/identity_set.h"
#include "audit/lake_books.h"
#include "audit/row_digest.h"
#include "audit/table_audit.h"
#include "base/status.h"
#include "engine/object_store.h"
#include "nats/jetstream_api.h"

namespace weir::audit {

/// The stream, where it still holds events, against the lake's rows and dead letters. One thread; borrowed members.
struct StreamCheck {
  const engine::Engine& engine;
  const Clock& clock;
  const TableAuditOptions& options;
  const engine::ObjectStore& objects;
  DigestedRows& lake;
  DigestedRows* letters;  ///< Null: the lake has no dead-letter table.
  const std::map<std::string, int64_t>& txns;
  const std::map<int32_t, ShardBooks>& shards;
  const IdentitySet& erased;
  const IdentitySet& replayed;  ///< Rows that the lake has though their events were rejected at first.
  TableReport& report;

  /// A stream that is gone, another one, or empty is a note and no difference.
  [[nodiscard]] Status run();

 private:
  [[nodiscard]] Status check_shard(const nats::StreamInfo& stream, int32_t shard, const ShardBooks& books);
  [[nodiscard]] Status compare(SeqRange seqs, int32_t shard);
  void note(int32_t shard, const std::string& why);
};

}  // namespace weir::audit
