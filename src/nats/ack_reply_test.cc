#include "nats/ack_reply.h"

#include <gtest/gtest.h>

namespace weir::nats {
namespace {

TEST(AckReply, ReadsTheFormWithoutDomain) {
  const auto ack = parse_ack_reply("$JS.ACK.FLIGHTS.weir_x.1.4711.17.1795368425922428951.8");
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->delivered, 1u);
  EXPECT_EQ(ack->stream_seq, 4711u);
  EXPECT_EQ(ack->consumer_seq, 17u);
  EXPECT_EQ(ack->time_ns, 1795368425922428951);
  EXPECT_EQ(ack->pending, 8u);
}

TEST(AckReply, ReadsTheFormWithDomainAndAccountWithOrWithoutItsToken) {
  for (const char* reply :
       {"$JS.ACK._.ACC.FLIGHTS.weir_x.1.4711.17.99.8", "$JS.ACK.hub.ACC.FLIGHTS.weir_x.1.4711.17.99.8.aB3"}) {
    const auto ack = parse_ack_reply(reply);
    ASSERT_TRUE(ack) << reply;
    EXPECT_EQ(ack->stream_seq, 4711u);
    EXPECT_EQ(ack->consumer_seq, 17u);
    EXPECT_EQ(ack->time_ns, 99);
    EXPECT_EQ(ack->pending, 8u);
  }
}

TEST(AckReply, RefusesWhatIsNotOne) {
  for (const char* reply :
       {"", "_INBOX.abc.1", "$JS.ACK.", "$JS.ACK.S.c.1.2.3.4", "$JS.ACK.S.c.1.x.3.4.5", "$JS.ACK.S.c.1.-2.3.4.5",
        "$JS.ACK.S.c.1.2.3.4.5.6", "$JS.ACK.S.c.1.99999999999999999999.3.4.5"}) {
    EXPECT_FALSE(parse_ack_reply(reply)) << reply;
  }
}

}  // namespace
}  // namespace weir::nats
