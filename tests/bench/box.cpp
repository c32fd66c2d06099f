// A synthetic internet for benches: authoritative servers that answer any name, all in one thread, over UDP.
//
//   box PORT LOSS      LOSS: per cent of questions that get no answer, spread evenly (the same ones in each run)
//
//   127.60.0.1        the root: refers bench. downwards
//   127.60.1.1        bench.: refers each zone to the server that stands for its kind
//   127.60.2.1 .. 8   zN.bench.: every name has an address of each kind, TTL one hour, but those that begin with "no-"
//   127.60.3.1        mute.bench.: keeps silent
//   127.60.4.1        nxns.bench.: refers every name to 20 name servers without addresses in water.bench. (NXNSAttack)
//   127.60.5.1        water.bench.: no name exists below it (water torture: each question is another one)
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "zones/wire/writer.hpp"

namespace placard {
namespace {

using wire::RecordClass;
using wire::RecordType;
using wire::Section;

constexpr int kHealthy = 8, kBatch = 32, kNameServers = 20;
constexpr std::uint32_t kTtl = 3'600;

enum class Kind : std::uint8_t { root, bench, healthy, mute, nxns, water };

struct Server {
  int socket = -1;
  Kind kind{};
};

wire::Name name(const std::string& text) {
  return *wire::Name::from_text(text);
}

std::array<std::uint8_t, 4> address(int kind, int number) {
  return {127, 60, static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(number)};
}

int listen_on(int kind, int number, std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int size = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(port);
  const auto octets = address(kind, number);
  std::memcpy(&local.sin_addr, octets.data(), 4);
  if (bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) {
    std::perror("box: bind");
    std::exit(1);
  }
  return fd;
}

class Box {
 public:
  explicit Box(double loss) : loss_(loss / 100) {}

  /// The reply's octets in `out`; 0: none.
  std::size_t answer(Kind kind, wire::Bytes query, std::span<std::uint8_t> out) {
    const auto message = wire::parse_message(query);
    if (!message || message->count(Section::question) != 1 || kind == Kind::mute) return 0;
    owed_ += loss_;
    if (owed_ >= 1) {
      owed_ -= 1;
      return 0;
    }
    const auto question = message->question();
    wire::MessageWriter writer(out, 1'232, 11);
    wire::Header header;
    header.id = message->header().id;
    header.qr = true;
    const wire::NameView asked = message->question_name();
    const std::size_t labels = asked.label_count();
    header.aa = kind == Kind::healthy || kind == Kind::water || labels == 0;
    if ((kind == Kind::water && labels > 2) || (kind == Kind::healthy && is_denied(asked))) header.rcode = 3;
    writer.header(header);
    writer.question(asked, question.type, question.record_class);
    switch (kind) {
      case Kind::root:
        if (labels == 0) {
          root(writer);
        } else {
          refer(writer, name("bench."), address(1, 1));
        }
        break;
      case Kind::bench:
        if (labels >= 2) refer_zone(writer, wire::Name(asked.suffix(2)));
        break;
      case Kind::healthy:
        if (is_denied(asked)) {
          soa(writer, wire::Name(asked.suffix(2)));
        } else if (question.type == RecordType::aaaa) {
          writer.record(Section::answer, asked, RecordType::aaaa, RecordClass::in, kTtl,
                        std::array<std::uint8_t, 16>{0x20, 0x01, 0x0d, 0xb8, 15});
        } else if (question.type == RecordType::a) {
          writer.record(Section::answer, asked, RecordType::a, RecordClass::in, kTtl,
                        std::array<std::uint8_t, 4>{192, 0, 2, 1});
        } else {
          soa(writer, wire::Name(asked.suffix(std::min<std::size_t>(labels, 2))));
        }
        break;
      case Kind::nxns:
        attack(writer, asked);
        break;
      case Kind::water:
        soa(writer, name("water.bench."));
        break;
      case Kind::mute:
        break;
    }
    if (message->edns()) writer.edns(1'232, message->edns()->dnssec_ok, wire::Rcode::noerror);
    const auto written = writer.finish();
    return written ? written->size() : 0;
  }

 private:
  static bool is_denied(wire::NameView asked) {
    const auto label = asked.first_label();
    return asked.label_count() == 3 && label.size() > 3 && std::memcmp(label.data(), "no-", 3) == 0;
  }
  static void root(wire::MessageWriter& writer) {
    const auto server = name("ns.root.");
    writer.record(Section::answer, wire::NameView{}, RecordType::ns, RecordClass::in, kTtl, server.view().bytes());
    writer.record(Section::additional, server, RecordType::a, RecordClass::in, kTtl, address(0, 1));
  }
  static void refer(wire::MessageWriter& writer, const wire::Name& zone, const std::array<std::uint8_t, 4>& to) {
    const std::uint8_t label[] = {'n', 's'};
    const auto server = *wire::Name::prepend(label, zone);
    writer.record(Section::authority, zone, RecordType::ns, RecordClass::in, kTtl, server.view().bytes());
    writer.record(Section::additional, server, RecordType::a, RecordClass::in, kTtl, to);
  }
  static void refer_zone(wire::MessageWriter& writer, const wire::Name& zone) {
    const auto label = zone.view().first_label();
    const std::string text(label.begin(), label.end());
    if (text == "mute") return refer(writer, zone, address(3, 1));
    if (text == "nxns") return refer(writer, zone, address(4, 1));
    if (text == "water") return refer(writer, zone, address(5, 1));
    refer(writer, zone, address(2, 1 + static_cast<int>(zone.view().hash(7) % kHealthy)));
  }
  static void soa(wire::MessageWriter& writer, const wire::Name& zone) {
    wire::Soa fields;
    fields.mname = fields.rname = zone;
    fields.minimum = 60;
    writer.record(Section::authority, zone, RecordType::soa, RecordClass::in, 60, wire::make_soa_rdata(fields));
  }
  void attack(wire::MessageWriter& writer, wire::NameView zone) {
    for (int i = 0; i < kNameServers; ++i) {
      const auto server = name("s" + std::to_string(next_++) + ".water.bench.");
      writer.record(Section::authority, zone, RecordType::ns, RecordClass::in, kTtl, server.view().bytes());
    }
  }

  double loss_, owed_ = 0;
  std::uint64_t next_ = 0;
};

void serve(const Server& server, Box& box) {
  static std::array<std::array<std::uint8_t, 2'048>, kBatch> in, out;  // one thread
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors;
  std::array<sockaddr_storage, kBatch> peers;
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {in[i].data(), in[i].size()};
    messages[i].msg_hdr = {&peers[i], sizeof peers[i], &vectors[i], 1, nullptr, 0, 0};
  }
  const int count = recvmmsg(server.socket, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  std::array<mmsghdr, kBatch> replies{};
  std::array<iovec, kBatch> reply_vectors;
  unsigned made = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
    const auto size = box.answer(server.kind, {in[i].data(), messages[i].msg_len}, out[made]);
    if (size == 0) continue;
    reply_vectors[made] = {out[made].data(), size};
    replies[made].msg_hdr = {&peers[i], messages[i].msg_hdr.msg_namelen, &reply_vectors[made], 1, nullptr, 0, 0};
    ++made;
  }
  for (unsigned sent = 0; sent < made;) {
    const int now = sendmmsg(server.socket, replies.data() + sent, made - sent, 0);
    if (now <= 0) break;
    sent += static_cast<unsigned>(now);
  }
}

int run(std::uint16_t port, double loss) {
  std::vector<Server> servers{{listen_on(0, 1, port), Kind::root}, {listen_on(1, 1, port), Kind::bench}};
  for (int i = 1; i <= kHealthy; ++i) servers.push_back({listen_on(2, i, port), Kind::healthy});
  servers.push_back({listen_on(3, 1, port), Kind::mute});
  servers.push_back({listen_on(4, 1, port), Kind::nxns});
  servers.push_back({listen_on(5, 1, port), Kind::water});
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (auto& server : servers) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &server;
    epoll_ctl(epoll, EPOLL_CTL_ADD, server.socket, &event);
  }
  Box box(loss);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    std::array<epoll_event, 16> events;
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i)
      serve(*static_cast<const Server*>(events[static_cast<std::size_t>(i)].data.ptr), box);
  }
}

}  // namespace
}  // namespace placard

int main(int count, char** words) {
  if (count != 3) {
    std::fputs("usage: box PORT LOSS\n", stderr);
    return 2;
  }
  return placard::run(static_cast<std::uint16_t>(std::atoi(words[1])), std::atof(words[2]));
}
