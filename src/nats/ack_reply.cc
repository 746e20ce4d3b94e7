#include "nats/ack_reply.h"

#include <array>
#include <charconv>

namespace weir::nats {
namespace {

constexpr std::string_view kPrefix = "$JS.ACK.";
constexpr size_t kTokensV1 = 7;     // after the prefix
constexpr size_t kTokensV2Min = 9;  // domain and account in front; a random token may follow
constexpr size_t kTokensMax = 16;   // later servers may append more; we read none of them

template <typename T>
bool read_number(std::string_view token, T& number) {
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  return error == std::errc() && end == token.data() + token.size();
}

}  // namespace

std::optional<AckReply> parse_ack_reply(std::string_view reply) {
  if (!reply.starts_with(kPrefix)) return std::nullopt;
  std::array<std::string_view, kTokensMax> tokens;
  size_t count = 0;
  for (std::string_view rest = reply.substr(kPrefix.size()); count < kTokensMax;) {
    const size_t dot = rest.find('.');
    tokens[count++] = rest.substr(0, dot);
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (count != kTokensV1 && count < kTokensV2Min) return std::nullopt;
  const size_t at = count == kTokensV1 ? 2 : 4;
  AckReply ack;
  const bool readable = read_number(tokens[at], ack.delivered) && read_number(tokens[at + 1], ack.stream_seq) &&
                        read_number(tokens[at + 2], ack.consumer_seq) && read_number(tokens[at + 3], ack.time_ns) &&
                        read_number(tokens[at + 4], ack.pending);
  if (!readable) return std::nullopt;
  return ack;
}

}  // namespace weir::nats
