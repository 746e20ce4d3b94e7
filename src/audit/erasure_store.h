#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/identity_set.h"
#include "base/ids.h"
#include "base/status.h"
#include "engine/object_store.h"

namespace weir::audit {

/// Rows deleted on request, in both stores, for good. Value type.
struct Erasure {
  int64_t number = 0;        ///< 1, 2, ..: per table, in the order of the requests.
  std::string table;
  std::string predicate;     ///< SQL over the table's columns, as it was asked for.
  std::string reason;        ///< For a person, later.
  int64_t recorded_us = 0;   ///< Microseconds since 1970-01-01 UTC.
  int64_t lake_version = 0;  ///< The version whose rows were counted.
  /// Up to which sequence of each shard: rows that came later are not part of it.
  std::map<int32_t, Seq> upto;
  IdentitySet identities;    ///< Finished.
  bool done = false;         ///< Every store was told and agreed.
};

/// Erasures on record (`_weir/erasures/<table>/`): objects are only ever added. The record comes before the first row goes,
/// so that an interrupted erasure can be repeated and an audit knows what it sees. Thread-safe.
class ErasureStore {
 public:
  explicit ErasureStore(engine::ObjectStore objects) : objects_(std::move(objects)) {}

  /// All of a table, by number. kDataLoss: an object is no erasure.
  [[nodiscard]] Result<std::vector<Erasure>> list(std::string_view table) const;

  /// Records one. kAlreadyExists: another process took the number. Requires: number is above all that are there.
  [[nodiscard]] Status record(const Erasure& erasure) const;

  /// Notes that it is done. May be repeated.
  [[nodiscard]] Status finish(const Erasure& erasure, int64_t now_us) const;

 private:
  engine::ObjectStore objects_;
};

/// `weir/<table>/erasures`: the application transaction whose version is the number of the last erasure that the lake
/// carried out.
[[nodiscard]] std::string erasure_app_id(std::string_view table);

}  // namespace weir::audit
