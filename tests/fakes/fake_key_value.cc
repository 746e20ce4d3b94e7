#include "tests/fakes/fake_key_value.h"

namespace weir::fakes {
namespace {

Result<uint64_t> compare_and_set(KeyValueState& state, const std::string& key, const std::string& value, uint64_t expected) {
  const auto found = state.entries.find(key);
  const uint64_t current = found == state.entries.end() ? 0 : found->second.revision;
  if (current != expected) return conflict(key + " is at revision " + std::to_string(current));
  state.entries[key] = {value, ++state.revision};
  return state.revision;
}

}  // namespace

Result<KeyValueEntry> FakeKeyValue::get(std::string_view key) {
  const Fate fate = faults_.fate("kv.get");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("kv.get");
  const auto found = state_.entries.find(key);
  if (found == state_.entries.end()) return not_found(std::string(key));
  return found->second;
}

Result<uint64_t> FakeKeyValue::put(std::string_view key, std::string_view value, uint64_t expected) {
  const std::string key_copy(key);
  const std::string value_copy(value);
  switch (faults_.fate("kv.put")) {
    case Fate::kDone: return compare_and_set(state_, key_copy, value_copy, expected);
    case Fate::kUnavailable: return unavailable("kv.put");
    case Fate::kLostRequest: return outcome_unknown("kv.put");
    case Fate::kLostAnswer: {
      const auto ignored = compare_and_set(state_, key_copy, value_copy, expected);
      return outcome_unknown(ignored.ok() ? "kv.put" : "kv.put, refused");
    }
    case Fate::kLate:
      faults_.land_late([&state = state_, key_copy, value_copy, expected] {
        const auto ignored = compare_and_set(state, key_copy, value_copy, expected);
        static_cast<void>(ignored.ok());
      });
      return outcome_unknown("kv.put");
    case Fate::kKilledBefore: throw Killed{faults_.process};
    case Fate::kKilledAfter: {
      const auto ignored = compare_and_set(state_, key_copy, value_copy, expected);
      static_cast<void>(ignored.ok());
      throw Killed{faults_.process};
    }
  }
  return internal_error("unknown fate");
}

}  // namespace weir::fakes
