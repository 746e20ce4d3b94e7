#include "nats/kv_bucket.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"

namespace weir::nats {
namespace {

using nlohmann::json;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_bucket_name(std::string_view name) {
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), allowed);
}

bool is_key(std::string_view key) {
  const auto allowed = [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '-' || c == '/' || c == '=' || c == '.';
  };
  return !key.empty() && key.front() != '.' && key.back() != '.' && std::all_of(key.begin(), key.end(), allowed) &&
         key.find("..") == std::string_view::npos;
}

json bucket_config(const std::string& bucket, int32_t replicas) {
  return {{"name", "KV_" + bucket},
          {"description", "Weir: leases and positions of a pipeline"},
          {"subjects", json::array({"$KV." + bucket + ".>"})},
          {"retention", "limits"},
          {"storage", "file"},
          {"num_replicas", replicas},
          {"max_msgs_per_subject", 1},
          {"max_consumers", -1},
          {"max_msgs", -1},
          {"max_bytes", -1},
          {"max_age", 0},
          {"discard", "new"},
          {"duplicate_window", 120'000'000'000},
          {"allow_rollup_hdrs", true},
          {"deny_delete", true},
          {"allow_direct", true}};
}

/// True for what `nats kv del` and `purge` leave behind.
bool is_deletion(natsMsg& message) {
  const char* operation = nullptr;
  return natsMsgHeader_Get(&message, "KV-Operation", &operation) == NATS_OK && operation != nullptr;
}

}  // namespace

std::string key_part(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string part;
  for (const char c : text) {
    if (is_letter_or_digit(c) || c == '_' || c == '-') {
      part += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      part.append({'=', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return part;
}

KvBucket::KvBucket(const Connection& connection, JetStreamApi api, std::string bucket)
    : connection_(connection), api_(std::move(api)), stream_("KV_" + bucket), subject_prefix_("$KV." + bucket + ".") {}

Result<std::unique_ptr<KvBucket>> KvBucket::open(const Connection& connection, KvBucketOptions options) {
  if (!is_bucket_name(options.bucket))
    return invalid_argument("'" + options.bucket + "' is not a name for a KV bucket");
  WEIR_ASSIGN_OR_RETURN(JetStreamApi api, JetStreamApi::open(connection));
  const std::string stream = "KV_" + options.bucket;
  auto existing = api.stream_info(stream);
  if (existing.status().code() == StatusCode::kNotFound) {
    // The server says ok to the same configuration again, so racing processes and lost answers do no harm.
    const auto made =
        api.call("STREAM.CREATE." + stream, bucket_config(options.bucket, options.replicas), Effect::kReads);
    if (!made.ok()) return made.status().with_context("KV bucket " + options.bucket);
    existing = api.stream_info(stream);
  }
  if (!existing.ok()) return existing.status().with_context("KV bucket " + options.bucket);
  if (existing->expires || !existing->file_storage) {
    return invalid_argument(
        "KV bucket " + options.bucket +
        " lets its entries expire or keeps them in memory; positions need file storage without TTL");
  }
  return std::unique_ptr<KvBucket>(new KvBucket(connection, std::move(api), std::move(options.bucket)));
}

Result<std::string> KvBucket::subject_of(std::string_view key) const {
  if (!is_key(key)) return invalid_argument("'" + std::string(key) + "' is not a key");
  return subject_prefix_ + std::string(key);
}

Result<KeyValueEntry> KvBucket::get(std::string_view key) {
  WEIR_ASSIGN_OR_RETURN(const std::string subject, subject_of(key));
  auto stored = api_.last_message(stream_, subject);
  if (!stored.ok()) return stored.status();
  natsMsg& message = *stored->message;
  if (is_deletion(message)) return not_found(std::string(key) + ": deleted");
  return KeyValueEntry{{natsMsg_GetData(&message), static_cast<size_t>(natsMsg_GetDataLength(&message))},
                       static_cast<uint64_t>(stored->seq)};
}

Result<uint64_t> KvBucket::put(std::string_view key, std::string_view value, uint64_t expected) {
  WEIR_ASSIGN_OR_RETURN(const std::string subject, subject_of(key));
  auto written = compare_and_set(subject, value, expected);
  if (expected == 0 && written.status().code() == StatusCode::kConflict) {
    // "No value" may also be the mark of a deletion, which has a revision of its own.
    const auto stored = api_.last_message(stream_, subject);
    if (stored.ok() && is_deletion(*stored->message)) {
      written = compare_and_set(subject, value, static_cast<uint64_t>(stored->seq));
    }
  }
  if (written.ok()) crash_point("kv_set");
  return written;
}

Result<uint64_t> KvBucket::compare_and_set(const std::string& subject, std::string_view value, uint64_t expected) {
  natsMsg* raw = nullptr;
  WEIR_RETURN_IF_ERROR(
      from_nats(natsMsg_Create(&raw, subject.c_str(), nullptr, value.data(), static_cast<int>(value.size())),
                Effect::kReads, subject));
  const MsgPtr message(raw);
  WEIR_RETURN_IF_ERROR(
      from_nats(natsMsgHeader_Set(raw, "Nats-Expected-Last-Subject-Sequence", std::to_string(expected).c_str()),
                Effect::kReads, subject));
  auto answered = connection_.request(*raw, Effect::kWrites);
  if (!answered.ok()) return answered.status();
  const MsgPtr answer = std::move(answered).value();
  const char* data = natsMsg_GetData(answer.get());
  const json parsed =
      json::parse(data, data + natsMsg_GetDataLength(answer.get()), nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return outcome_unknown(subject + ": the server's answer is not a JSON object");
  const Status refused = from_api_answer(parsed, subject);
  // A server that failed while it stored may have stored it, or a replica has.
  if (refused.code() == StatusCode::kUnavailable) return outcome_unknown(refused.message());
  WEIR_RETURN_IF_ERROR(refused);
  const auto seq = parsed.find("seq");
  if (seq == parsed.end() || !seq->is_number_unsigned())
    return outcome_unknown(subject + ": an answer without a revision");
  return seq->get<uint64_t>();
}

}  // namespace weir::nats
