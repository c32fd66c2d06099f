// Signatures of whoever asks: judged without a slip, and what is signed in answer is a message again.
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "zones/tsig.hpp"

using namespace placard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto key = std::make_shared<zones::TsigKey>(
      *wire::Name::from_text("k"), zones::TsigAlgorithm::hmac_sha256, std::vector<std::uint8_t>(16, 1));
  static const zones::TsigKeyring keys = [] {
    zones::TsigKeyring ring;
    ring.add(key);
    return ring;
  }();
  constexpr std::uint64_t kNow = 1'800'000'000;
  const auto message = wire::parse_message({data, size});
  if (!message) return 0;
  auto check = zones::check_request(*message, keys, kNow);
  assert(check.verdict != zones::TsigVerdict::good || check.key);
  if (check.answer) {
    assert(check.unsigned_size < size);
    static std::array<std::uint8_t, wire::kMaxMessageSize> buffer;
    buffer.fill(0);
    const auto whole = check.answer->sign(buffer, wire::kHeaderSize, kNow);
    assert(whole && *whole - wire::kHeaderSize <= check.answer->record_size());
    const auto answer = wire::parse_message({buffer.data(), *whole});
    assert(answer && *zones::find_tsig(*answer));
  }
  static std::array<std::uint8_t, 512> asked;
  asked.fill(0);
  zones::TsigSigner signer(key);
  const auto question = signer.sign(asked, wire::kHeaderSize, kNow);
  assert(question);
  zones::TsigVerifier verifier(signer);
  const auto verified = verifier.check(*message, kNow);
  assert(!verified);  // nobody guesses a MAC
  return 0;
}
