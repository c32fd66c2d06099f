// What no server can beat: each datagram comes back as it is, but for QR; 64 at once in and out, nothing looked at.
//
//   echo ADDRESS PORT
#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr unsigned kBatch = 64;

int listen_on(const char* address, std::uint16_t port) {
  sockaddr_storage local{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&local);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&local);
  socklen_t size = sizeof *v4;
  if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
  } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    size = sizeof *v6;
  }
  const int fd = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&local), size) != 0) {
    std::perror("echo");
    std::exit(1);
  }
  return fd;
}

void serve(int fd) {
  static std::array<std::array<std::uint8_t, 2'048>, kBatch> octets;
  static std::array<sockaddr_storage, kBatch> from;
  std::array<iovec, kBatch> parts;
  std::array<mmsghdr, kBatch> messages{};
  for (;;) {
    for (unsigned i = 0; i < kBatch; ++i) {
      parts[i] = {octets[i].data(), octets[i].size()};
      messages[i].msg_hdr = {&from[i], sizeof from[i], &parts[i], 1, nullptr, 0, 0};
    }
    const int count = recvmmsg(fd, messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < count; ++i) {
      octets[static_cast<unsigned>(i)][2] |= 0x80;
      parts[static_cast<unsigned>(i)].iov_len = messages[static_cast<unsigned>(i)].msg_len;
    }
    for (int sent = 0; sent < count;) {
      const int now = sendmmsg(fd, &messages[static_cast<unsigned>(sent)], static_cast<unsigned>(count - sent), 0);
      if (now <= 0) break;
      sent += now;
    }
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fputs("usage: echo ADDRESS PORT\n", stderr);
    return 2;
  }
  const int fd = listen_on(words[1], static_cast<std::uint16_t>(std::atoi(words[2])));
  std::puts("ready");
  std::fflush(stdout);
  serve(fd);
}
