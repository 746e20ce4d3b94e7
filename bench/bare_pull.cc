// bare_pull URL STREAM EVENTS: what the C client alone can do. An ephemeral pull consumer without acks, the same size
// of request as Weir's source, each message freed at once. Prints events and seconds as JSON.
//
// Two requests are always under way, as in Weir: natsSubscription_Fetch() would wait for the end of one before it asks
// for the next, and would be the easier opponent.
#include <nats/nats.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

constexpr int64_t kRequestMessages = 5'000;
constexpr int64_t kTimeoutMs = 10'000;

void check(natsStatus status, const char* what) {
  if (status == NATS_OK) return;
  std::fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
  std::exit(1);
}

// Creates the consumer `name`, which delivers the stream from its first message on.
void create_consumer(natsConnection* connection, const std::string& stream, const std::string& name) {
  jsCtx* context = nullptr;
  check(natsConnection_JetStream(&context, connection, nullptr), "JetStream");
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  config.Name = name.c_str();
  config.DeliverPolicy = js_DeliverAll;
  config.AckPolicy = js_AckNone;
  config.MemoryStorage = true;
  config.InactiveThreshold = 30'000'000'000;
  jsConsumerInfo* info = nullptr;
  jsErrCode code{};
  check(js_AddConsumer(&info, context, stream.c_str(), &config, nullptr, &code), "create the consumer");
  jsConsumerInfo_Destroy(info);
  jsCtx_Destroy(context);
}

void pull(natsConnection* connection, const std::string& stream, int64_t events) {
  const std::string consumer = "bare_pull";
  natsInbox* inbox = nullptr;
  check(natsInbox_Create(&inbox), "inbox");
  natsSubscription* subscription = nullptr;
  check(natsConnection_SubscribeSync(&subscription, connection, inbox), "subscribe");
  check(natsSubscription_SetPendingLimits(subscription, -1, -1), "limits");
  create_consumer(connection, stream, consumer);

  const std::string next = "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer;
  const std::string request = "{\"batch\":" + std::to_string(kRequestMessages) + ",\"expires\":30000000000}";
  int64_t credit = 0;
  for (int64_t got = 0; got < events;) {
    for (; credit <= kRequestMessages; credit += kRequestMessages) {
      check(natsConnection_PublishRequestString(connection, next.c_str(), inbox, request.c_str()), "request");
    }
    natsMsg* message = nullptr;
    check(natsSubscription_NextMsg(&message, subscription, kTimeoutMs), "message");
    // A message of the stream has a reply subject, the end of a request has none.
    if (natsMsg_GetReply(message) != nullptr) {
      ++got;
      --credit;
    }
    natsMsg_Destroy(message);
  }
  jsCtx* context = nullptr;
  check(natsConnection_JetStream(&context, connection, nullptr), "JetStream");
  check(js_DeleteConsumer(context, stream.c_str(), consumer.c_str(), nullptr, nullptr), "delete the consumer");
  jsCtx_Destroy(context);
  natsSubscription_Destroy(subscription);
  natsInbox_Destroy(inbox);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bare_pull URL STREAM EVENTS\n");
    return 2;
  }
  const auto started = std::chrono::steady_clock::now();
  natsConnection* connection = nullptr;
  check(natsConnection_ConnectTo(&connection, argv[1]), "connect");
  const int64_t events = std::atoll(argv[3]);
  pull(connection, argv[2], events);
  natsConnection_Destroy(connection);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::printf("{\"events\":%lld,\"seconds\":%.3f}\n", static_cast<long long>(events), seconds);
}
