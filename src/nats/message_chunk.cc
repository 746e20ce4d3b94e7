#include "nats/message_chunk.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace weir::nats {
namespace {

constexpr int64_t kRecordBytes = 256;  // natsMsg, its reply subject, Message, allocator

struct Freed {
  void operator()(const char** list) const { std::free(list); }
};
using NameList = std::unique_ptr<const char*, Freed>;

}  // namespace

int64_t message_bytes(const Message& message) {
  return kRecordBytes + static_cast<int64_t>(message.payload.size() + message.subject.size() + message.headers.size());
}

std::string header_lines(natsMsg& message) {
  const char** raw_names = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(&message, &raw_names, &count) != NATS_OK) return {};
  const NameList owner(raw_names);
  // The library keeps them in a hash map; sorted, the same message gives the same text every time.
  std::vector<std::string_view> names(raw_names, raw_names + count);
  std::sort(names.begin(), names.end());
  std::string lines;
  for (const std::string_view name : names) {
    const char** raw_values = nullptr;
    int value_count = 0;
    if (natsMsgHeader_Values(&message, name.data(), &raw_values, &value_count) != NATS_OK) continue;
    const NameList value_owner(raw_values);
    for (int i = 0; i < value_count; ++i) lines.append(name).append(": ").append(raw_values[i]).append("\r\n");
  }
  return lines;
}

void MessageChunk::add(MsgPtr message, Seq seq, int64_t time_us) {
  Message& added = messages_.emplace_back();
  added.seq = seq;
  added.time_us = time_us;
  added.subject = natsMsg_GetSubject(message.get());
  added.payload = {natsMsg_GetData(message.get()), static_cast<size_t>(natsMsg_GetDataLength(message.get()))};
  if (std::string lines = header_lines(*message); !lines.empty())
    added.headers = headers_.emplace_back(std::move(lines));
  owned_.push_back(std::move(message));
  bytes_ += message_bytes(added);
  range_.last = seq;
}

void MessageChunk::truncate(size_t index, Seq last) {
  for (size_t i = index; i < messages_.size(); ++i) bytes_ -= message_bytes(messages_[i]);
  messages_.resize(index);
  owned_.resize(index);
  range_.last = last;
}

}  // namespace weir::nats
