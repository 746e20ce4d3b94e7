#pragma once

#include <map>
#include <string>
#include <vector>

#include "ports/key_value.h"
#include "tests/fakes/faults.h"

namespace weir::fakes {

/// The bucket as its server holds it; shared by the processes of a test.
struct KeyValueState {
  uint64_t revision = 0;
  std::map<std::string, KeyValueEntry, std::less<>> entries;
};

/// NATS KV with fault knobs. Passes the same contract test as the real bucket.
class FakeKeyValue final : public KeyValue {
 public:
  FakeKeyValue(KeyValueState& state, Faults faults) : state_(state), faults_(std::move(faults)) {}

  Result<KeyValueEntry> get(std::string_view key) override;
  Result<uint64_t> put(std::string_view key, std::string_view value, uint64_t expected) override;

 private:
  KeyValueState& state_;
  Faults faults_;
};

}  // namespace weir::fakes
