#include "nats/event_filter.h"

#include <xxhash.h>

#include <algorithm>

#include "nats/subject_match.h"

namespace weir::nats {

uint64_t shard_of(std::string_view subject, uint64_t shards) {
  return XXH64(subject.data(), subject.size(), /*seed=*/0) % shards;
}

EventFilter::EventFilter(std::vector<std::string> subjects, int32_t shard, int32_t shards)
    : subjects_(without_subsets(subjects)),
      server_filters_(subjects_),
      shard_(static_cast<uint64_t>(shard)),
      shards_(static_cast<uint64_t>(shards)) {
  for (size_t i = 0; i < subjects_.size(); ++i) {
    for (size_t j = i + 1; j < subjects_.size(); ++j) match_here_ = match_here_ || overlaps(subjects_[i], subjects_[j]);
  }
  if (match_here_) server_filters_.clear();
}

bool EventFilter::wants(std::string_view subject) const {
  if (match_here_) {
    const auto matches = [&](const std::string& pattern) { return subject_matches(pattern, subject); };
    if (std::none_of(subjects_.begin(), subjects_.end(), matches)) return false;
  }
  return shards_ == 1 || shard_of(subject, shards_) == shard_;
}

}  // namespace weir::nats
